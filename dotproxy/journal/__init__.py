"""What single queries leave behind: noted where replies leave, read in other threads.

Without a reader nothing is noted, and nothing is kept.  No reader holds up an answer:
one that is behind loses notes, and they are counted.
"""
