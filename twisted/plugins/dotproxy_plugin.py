"""Make `twistd dotproxy` and `twistd dotproxy-lab` known.

Nothing of dotproxy is imported before one of them is run.
"""

from twisted.application.service import ServiceMaker

dotproxy = ServiceMaker(
    "dotproxy",
    "dotproxy.service",
    "Plain DNS in, verified DNS over TLS out.",
    "dotproxy",
)

dotproxy_lab = ServiceMaker(
    "dotproxy-lab",
    "dotproxy.lab.service",
    "A DNS-over-TLS server that misbehaves on command.",
    "dotproxy-lab",
)
