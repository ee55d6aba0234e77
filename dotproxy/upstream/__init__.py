"""Answers that we ask for: DNS over TLS (RFC 7858), and whom to ask when.

From the top: `routes` picks a group, and its `strategy` picks upstreams for a query and
follows it as an `exchange`; `dot` keeps the connections of one upstream, its `health`
and its `idle` limit; `dial` makes a `connection`, once `tls` has verified who is there.
In clear, and only in a private network, `cleartext` follows a query as an `inquiry`.
"""
