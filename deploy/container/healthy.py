"""Say by the exit status whether dotproxy answers here: 0 if it does, else 1.

It asks for a name that no upstream is asked for: when these are down, to start
dotproxy anew would help nobody.
"""

import os
import sys

import dns.exception
import dns.message
import dns.query
import dns.rcode

PATIENCE = 2.0
"""Seconds that the answer may take."""

query = dns.message.make_query("localhost", "A")
port = int(os.environ.get("DOTPROXY_PORT", "53"))
try:
    reply = dns.query.udp(query, "127.0.0.1", PATIENCE, port)
except (dns.exception.DNSException, OSError) as fault:
    sys.exit(f"127.0.0.1:{port} does not answer: {fault}")
if reply.rcode() != dns.rcode.NOERROR:
    sys.exit(f"127.0.0.1:{port} says {dns.rcode.to_text(reply.rcode())}")
