"""What is worth a warning about a server that is believed."""

from unittest import TestCase

from dotproxy.upstream.proof import Match, Proof
from dotproxy.upstream.warnings import MOST_REMEMBERED, NEWS, Kind, Warnings

DAY = 86_400.0

SOUND = Proof(at=0.0, pins=("key", "root"), expires=90 * DAY, expires_soon=76 * DAY)


class WarningsTests(TestCase):
    def setUp(self) -> None:
        self.warnings = Warnings()

    def hear(self, proof: Proof | None = SOUND, doubt: str = "") -> list[str]:
        return self.warnings.hear(doubt, proof)

    def shown(self, now: float = 0.0) -> list[Kind]:
        return list(self.warnings.at(now))

    def test_sound(self) -> None:
        """Of a server with which nothing is odd there is nothing to say."""
        assert self.shown() == []
        assert self.hear() == self.hear() == []
        assert self.shown() == []

    def test_pins(self) -> None:
        """A match of the backup alone, or of none, is told once and shown on."""
        for match, kind, text in (
            (Match.BACKUP, Kind.BACKUP_PIN, "has a backup pin, and no more the first"),
            (Match.NONE, Kind.PIN_MISMATCH, "has none of its pins, which are reported"),
        ):
            (told,) = self.hear(SOUND._replace(match=match))
            assert told.startswith(text)
            assert told.endswith("; pins seen: sha256//key, sha256//root")
            assert self.hear(SOUND._replace(match=match)) == []
            assert self.shown() == [kind]
            assert self.hear(SOUND._replace(match=Match.PRIMARY)) == []
            assert self.shown() == []
        assert self.hear(SOUND._replace(match=Match.NONE)) == [], "that was told"

    def test_other_pins(self) -> None:
        """Where other pins are seen, it is told again."""
        self.hear(SOUND._replace(match=Match.NONE))
        other = SOUND._replace(match=Match.NONE, pins=("key", "other"))
        (told,) = self.hear(other)
        assert told.endswith("sha256//key, sha256//other")

    def test_new_key(self) -> None:
        """A key that was not seen before is told once, and shown for a day."""
        self.hear()
        new = SOUND._replace(pins=("new", "root"), at=DAY)
        assert self.hear(new) == ["showed a key not seen before: sha256//new"]
        assert self.hear(SOUND) == self.hear(new) == [], "servers may have several"
        assert self.shown(DAY + NEWS - 1) == [Kind.NEW_KEY]
        assert self.shown(DAY + NEWS) == []

    def test_other_root(self) -> None:
        """It is the server's own key that counts."""
        self.hear()
        assert self.hear(SOUND._replace(pins=("key", "other"))) == []

    def test_end(self) -> None:
        """The end is told when it is near, and shown before anybody is told."""
        assert self.shown(76 * DAY - 1) == []
        self.hear()
        assert self.shown(76 * DAY - 1) == []
        assert self.shown(76 * DAY) == [Kind.EXPIRES]
        late = SOUND._replace(at=80 * DAY)
        assert self.hear(late) == ["has a certificate that expires 1970-04-01"]
        assert self.hear(late._replace(at=81 * DAY)) == []
        sooner = late._replace(expires=82 * DAY)
        assert self.hear(sooner) == ["has a certificate that expires 1970-03-24"]

    def test_doubt(self) -> None:
        """What is doubted teaches no keys; the doubt is told anew when it is back."""
        self.hear()
        stranger = SOUND._replace(pins=("stranger",))
        told = ["is not authenticated: self-signed"]
        assert self.hear(stranger, "self-signed") == told
        assert self.hear(stranger, "self-signed") == []
        assert self.shown() == [Kind.UNAUTHENTICATED]
        assert self.hear() == []
        assert self.hear(None, "self-signed") == told
        assert self.hear(None) == []
        assert self.shown() == []
        (new,) = self.hear(stranger)
        assert new == "showed a key not seen before: sha256//stranger"

    def test_follow(self) -> None:
        """Who follows knows the keys, and what was told; what it shows is its own."""
        self.hear()
        self.hear(SOUND._replace(pins=("new",), match=Match.BACKUP))
        before, self.warnings = self.warnings, Warnings()
        self.warnings.follow(before)
        assert self.shown() == []
        assert self.hear(SOUND._replace(pins=("new",), match=Match.BACKUP)) == []
        assert self.shown() == [Kind.BACKUP_PIN, Kind.NEW_KEY]
        assert len(self.hear(SOUND._replace(pins=("newer",)))) == 1

    def test_bounded(self) -> None:
        """Keys that were not seen for the longest time are forgotten."""
        self.hear()
        for number in range(MOST_REMEMBERED + 1):
            self.hear(SOUND._replace(pins=(f"key{number}",)))
            assert self.hear(SOUND) == []
        (again,) = self.hear(SOUND._replace(pins=("key0",)))
        assert again.endswith("sha256//key0")
