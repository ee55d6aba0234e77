"""dotproxy: plain DNS in, verified DNS over TLS out."""

__version__ = "0.1.0"
