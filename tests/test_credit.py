"""What a client may do that asks for nothing."""

from unittest import TestCase

from dotproxy.http.credit import EARNED, MOST, Credit
from dotproxy.http.frames import BrokenError, Error


class CreditTests(TestCase):
    def test_spent(self) -> None:
        """What there is can be spent, and not more."""
        credit = Credit()
        credit.spend(MOST)
        with self.assertRaises(BrokenError) as caught:
            credit.spend(1)
        assert caught.exception.error == Error.ENHANCE_YOUR_CALM

    def test_earned(self) -> None:
        """An answer earns some, up to what there was."""
        credit = Credit()
        credit.earn()
        assert credit.left == MOST
        credit.spend(MOST)
        credit.earn()
        assert credit.left == EARNED
