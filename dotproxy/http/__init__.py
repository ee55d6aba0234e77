"""HTTP, as far as DNS over HTTPS takes it: octets in, queries and octets out.

Nothing here knows a socket.
"""
