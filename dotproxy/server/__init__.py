"""Plain DNS towards the clients, with the protocols of twisted.names in front.

Only what stands here writes to clients.  Raw octets go in and out; a parsed
`dns.Message` never stands between, for it loses what it does not know.
"""
