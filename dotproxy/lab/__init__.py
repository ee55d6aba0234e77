"""A DNS-over-TLS server of our own: good enough to try dotproxy on, and bad on command.

`--upstream lab` and `twistd dotproxy-lab` start it, and the tests ask it.  Its parts
know little of each other:

- `certificates` is a throw-away certificate authority, `zone` turns a query into an
  answer;
- `faults` says what can be wrong and how that is spelled, `script` what becomes of an
  answer then (`bad_answers` of its octets), `server_tls` of the handshake;
- `server` lets clients in by a `door`, each `connection` plays its scripts, and ends
  as `hang_up` has it;
- `options` and `service` are the command.

Nothing outside this package needs it, so it is imported only when it is used.
"""
