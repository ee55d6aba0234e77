"""A DNS-over-TLS server of our own, so that dotproxy can be tried without the Internet.

`--upstream lab` starts it and the tests ask it.  It stands on three legs that know
little of each other: `certificates` is a throw-away certificate authority, `zone`
turns a query into an answer, and `server` moves octets over TLS.  Nothing outside
this package needs it, so it is imported only when it is used.
"""
