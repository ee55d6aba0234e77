"""How many replies clients got, and from where."""

from unittest import TestCase

from dotproxy.local.replies import RCODES, Replies, count


class RepliesTests(TestCase):
    def test_count(self) -> None:
        """A reply is counted by the four bits of its RCODE, and handed on."""
        replies = Replies()
        reply = b"\0\1\x81\xf3" + bytes(8)
        assert count(replies.upstream, reply) is reply
        assert replies.upstream == [0, 0, 0, 1] + [0] * 12

    def test_sources(self) -> None:
        """Each source is counted by itself, under its name."""
        replies = Replies()
        count(replies.stale, bytes(12))
        by_source = replies.by_source()
        assert list(by_source) == ["cache", "error", "local", "stale", "upstream"]
        assert {name: sum(each) for name, each in by_source.items()} == {
            "cache": 0, "error": 0, "local": 0, "stale": 1, "upstream": 0
        }  # fmt: skip
        assert {len(each) for each in by_source.values()} == {RCODES}
