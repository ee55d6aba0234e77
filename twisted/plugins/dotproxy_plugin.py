"""Make `twistd dotproxy` known; nothing of dotproxy is imported before it is run."""

from twisted.application.service import ServiceMaker

dotproxy = ServiceMaker(
    "dotproxy",
    "dotproxy.service",
    "Plain DNS in, verified DNS over TLS out.",
    "dotproxy",
)
