"""Several processes that answer at the same addresses, and the one that looks after
them.

The supervisor binds the sockets, and every worker inherits all of them: whoever is free
takes what comes, and what waits for one that died is taken by the others.  They talk
by AMP, over a pair of sockets for each worker.
"""
