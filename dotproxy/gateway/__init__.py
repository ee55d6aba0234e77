"""The gateway's relay: it reads a server's name in passing, and decrypts nothing.

1. A client says its hello (`opening`), within bounds on time and size.
2. The name in it, and nothing else, decides (`guide`): it must be in the table.
3. Its addresses are looked up (`origins`) by our own upstreams, those that nobody
   should be led to are left out (`targets`), and one of the others is dialled.
4. What was read goes on as it came, and then all else, both ways (`splice`).

Whoever may not pass is told so (`farewell`).  A `Relay` is the life of one client, of
which each part is a `Stage`; an `End` is one of its two connections.  `relays` lets
clients in (`admission`), and tells of those that it does not (`turned_away`); where all
places are taken, one that has not said where to go makes room (`waiting`).

Who speaks plain HTTP has a `Redirection` in place of a relay.  A proxy may be on the
way to origins (`socks`).  `traffic` is all clients, and what holds for them;
`entrances` are the addresses where they come in.  Both follow a configuration that
changes.
"""
