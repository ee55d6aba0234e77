"""What becomes of a client's queries when upstreams fail: `python -m reliability`.

A proxy stands between a client that asks steadily and two upstreams of the lab.  One of
them, or both, misbehave for some seconds; every answer is judged.
"""
