"""What can be seen of a proxy that runs, and done to it: metrics, status, actions.

All of it reads what the floors below have counted, when somebody looks.  A page for
browsers, a log of queries and the like belong here, too.
"""
