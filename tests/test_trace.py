"""What a traced query carries along."""

from inspect import Parameter, signature
from unittest import TestCase

from dotproxy.tracing.way import Way
from dotproxy.wire.trace import Trace
from tests.traces import Told


class TraceTests(TestCase):
    def test_any_field(self) -> None:
        """A field may have any name, those of what is said and of the stage too."""
        kinds = [each.kind for each in signature(Trace.note).parameters.values()]
        assert kinds[1:] == [*[Parameter.POSITIONAL_ONLY] * 2, Parameter.VAR_KEYWORD]
        told = Told()
        told.note("cache", "{stage} of {says}", stage="one", says=b"\x0a")
        assert told.take() == ["cache: one of 0a"]

    def test_same_for_all(self) -> None:
        """Whoever follows queries is told in the same way."""
        said = [*signature(Trace.note).parameters.values()]
        for follower in (Way, Told):
            assert [*signature(follower.note).parameters.values()] == said
