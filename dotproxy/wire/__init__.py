"""Bytes in, bytes out: the DNS on the wire, and what TLS says in clear.

Nothing here knows a clock, a socket or Twisted.  Every reader raises
`FormatError` and nothing else, whatever the octets.
"""
