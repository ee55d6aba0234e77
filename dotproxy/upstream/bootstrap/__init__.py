"""The addresses of a server of which only the name is known.

`source` keeps them, `lookup` asks one resolver after the other, `plain` carries one
question over UDP, and `lookup_message` writes and reads it.  These are the only
questions that leave in clear (RFC 8310 section 7.2).
"""
