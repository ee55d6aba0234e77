"""Answers that we know: pure and synchronous.

A local has one method, `answer(query) -> bytes | None`: the reply, or None to
leave the query to the next.
"""
