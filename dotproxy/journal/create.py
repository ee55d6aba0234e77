"""What [query_log] says, made."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from dotproxy.clock import uptime
from dotproxy.config.query_log import DNSTAP, JSON, OFF, QueryLog
from dotproxy.config.setting import ConfigError, written
from dotproxy.journal.dnstap_socket import DnstapSocket
from dotproxy.journal.frame_stream import START, STOP, control_frame
from dotproxy.journal.journal import Journal
from dotproxy.journal.lines import Form, json_form, text_form
from dotproxy.journal.log_file import NO_FRAME, Frame, LogFile, Shelf
from dotproxy.journal.privacy import Privacy, create_privacy
from dotproxy.journal.readers import Ranking, Recording
from dotproxy.journal.recorder import Recorder, Tell
from dotproxy.journal.sink import Sink
from dotproxy.journal.top import Top
from dotproxy.journal.worker import Failed

log = Logger()


def create_recording(settings: QueryLog, journal: Journal) -> Recording:
    """Open what is written to; ConfigError if it cannot be had."""
    tell = _teller(journal.reactor)
    form = _form(settings, journal.privacy)
    recorder = Recorder(form, _sink(settings), tell, settings.sample)
    return Recording(recorder, failed_in(journal.reactor))


def check_recording(settings: QueryLog) -> None:
    """See that what is written to can be had; ConfigError if it cannot.

    A file is begun, and left empty.
    """
    create_privacy(settings)
    if settings.format == OFF:
        return
    _form(settings, Privacy((0, 0)))
    if settings.file:
        with _written(settings):
            LogFile(settings.file, Shelf()).close()


def create_ranking(journal: Journal) -> Ranking:
    """Return what counts names and clients."""
    top = Top(uptime), Top(uptime)
    return Ranking(top, journal.privacy, failed_in(journal.reactor))


def failed_in(reactor: Any) -> Failed:
    """Return what tells the log, from another thread, of the exception at hand."""

    def failed() -> None:
        failure = Failure()
        reactor.callFromThread(
            log.failure, "queries could not be noted", failure=failure
        )

    return failed


def _teller(reactor: Any) -> Tell:
    def tell(sentence: str) -> None:
        reactor.callFromThread(log.warn, "{sentence}", sentence=sentence)

    return tell


def _form(settings: QueryLog, privacy: Privacy) -> Form:
    if settings.format != DNSTAP:
        made = json_form if settings.format == JSON else text_form
        return made(settings.fields, privacy)
    try:
        from dotproxy.journal.dnstap import dnstap_form
    except ImportError:
        rule = "takes another library: pip install 'dotproxy[dnstap]'"
        raise _fault(settings, "format", rule) from None
    return dnstap_form(privacy, socket.gethostname().encode())


def _sink(settings: QueryLog) -> Sink:
    if settings.socket:
        return DnstapSocket(settings.socket, uptime)
    frame = NO_FRAME
    if settings.format == DNSTAP:
        frame = Frame(control_frame(START), control_frame(STOP))
    shelf = Shelf(settings.max_size, settings.keep)
    with _written(settings):
        return LogFile(settings.file, shelf, frame)


@contextmanager
def _written(settings: QueryLog) -> Iterator[None]:
    """Say as ConfigError that the file cannot be written."""
    try:
        yield
    except OSError as fault:
        rule = f"cannot be written: {fault.strerror}; take another file"
        raise _fault(settings, "file", rule) from None


def _fault(settings: QueryLog, key: str, rule: str) -> ConfigError:
    subject = f"query_log.{written(key, getattr(settings, key))}"
    return ConfigError(subject, rule, ("query_log", key))
