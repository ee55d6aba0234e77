"""The `dotproxy` command: what one asks of the upstreams, or of a proxy that runs.

`main` knows the sub-commands.  Each has its options and a coroutine that is run by
Twisted's `react` and returns the exit status.  Nothing below this floor imports it.
"""
