"""What an upstream is, and how it fails."""

from unittest import TestCase

from zope.interface.verify import verifyClass

from dotproxy.upstream.coalesce import Coalesce
from dotproxy.upstream.interface import NETWORK_ERROR, IUpstream, UpstreamError
from dotproxy.upstream.strategy import Strategy


class InterfaceTests(TestCase):
    def test_who_can_be_asked(self) -> None:
        """A group can be asked as if it were one, and so can what stands before it."""
        assert verifyClass(IUpstream, Strategy)
        assert verifyClass(IUpstream, Coalesce)

    def test_error(self) -> None:
        """An error says why, in words, and by a code of RFC 8914."""
        assert str(UpstreamError("no route")) == "no route"
        assert UpstreamError("no route").code == NETWORK_ERROR == 23
        assert UpstreamError("nobody", 22).code == 22
