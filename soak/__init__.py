"""Ten minutes of random faults at a load that is no trouble: `python -m soak`.

A proxy under twistd stands between clients that come and go and two upstreams of the
lab.  These misbehave at random, the proxy reloads now and then, and every reply is
judged.  At the end nothing may be wrong, missing, or left behind.
"""
