"""Answers that we ask for: DNS over TLS (RFC 7858), and whom to ask when.

From the top: `strategy` picks upstreams for a query and follows it as an `exchange`;
`dot` keeps the connections of one upstream, its `health` and its `idle` limit;
`dial` makes a `connection`, once `tls` has verified who is there.
"""
