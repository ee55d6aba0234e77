"""Notes as dnstap: a message of Protocol Buffers for the query, and one for the reply.

https://github.com/dnstap/dnstap.pb has the schema.  What is used of it is described
here, so no code is generated, and none has to fit the version of the library.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Field
from google.protobuf.descriptor_pb2 import FileDescriptorProto as File
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from dotproxy import __version__
from dotproxy.journal.frame_stream import data_frame
from dotproxy.journal.lines import Form
from dotproxy.journal.note import DOH, DOT, TCP, UDP, Note
from dotproxy.journal.privacy import Privacy

MESSAGE = 1
"""The type of a Dnstap that has a message."""

CLIENT_QUERY, CLIENT_RESPONSE = 5, 6
"""Types of a message: between a client and its resolver, as the latter sees it."""

INET, INET6 = 1, 2
"""Values of socket_family."""

PROTOCOLS = {UDP: 1, TCP: 2, DOT: 3, DOH: 4}
"""Values of socket_protocol."""

BILLION = 10**9

_BYTES, _ENUM, _UINT64, _FIXED32 = (
    Field.TYPE_BYTES,
    # On the wire an enum is a number like any other.
    Field.TYPE_UINT32,
    Field.TYPE_UINT64,
    Field.TYPE_FIXED32,
)

MESSAGE_FIELDS = (
    ("type", 1, _ENUM),
    ("socket_family", 2, _ENUM),
    ("socket_protocol", 3, _ENUM),
    ("query_address", 4, _BYTES),
    ("query_time_sec", 8, _UINT64),
    ("query_time_nsec", 9, _FIXED32),
    ("query_message", 10, _BYTES),
    ("response_time_sec", 12, _UINT64),
    ("response_time_nsec", 13, _FIXED32),
    ("response_message", 14, _BYTES),
)

DNSTAP_FIELDS = (
    ("identity", 1, _BYTES),
    ("version", 2, _BYTES),
    ("message", 14, Field.TYPE_MESSAGE),
    ("type", 15, _ENUM),
)


def dnstap_class() -> Any:
    """Return the class of a Dnstap message."""
    file = File(name="dnstap.proto", package="dnstap", syntax="proto2")
    for name, fields in (("Message", MESSAGE_FIELDS), ("Dnstap", DNSTAP_FIELDS)):
        described = file.message_type.add(name=name)
        for word, number, kind in fields:
            field = described.field.add(name=word, number=number, type=kind)
            field.label = Field.LABEL_OPTIONAL
            if kind == Field.TYPE_MESSAGE:
                field.type_name = ".dnstap.Message"
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("dnstap.Dnstap"))


def dnstap_form(privacy: Privacy, identity: bytes) -> Form:
    """Return what writes two frames for a note; `identity` says whose they are."""
    made = dnstap_class()
    version = f"dotproxy {__version__}".encode()

    def form(note: Note) -> bytes:
        dnstap = made(identity=identity, version=version, type=MESSAGE)
        message, address = dnstap.message, privacy.network(note.client)
        message.type = CLIENT_QUERY
        message.socket_family = INET if address.version == 4 else INET6
        message.socket_protocol = PROTOCOLS[note.transport]
        message.query_address = address.packed
        sec, message.query_time_nsec = _moment(note.at - note.seconds)
        message.query_time_sec = sec
        message.query_message = note.query
        asked = data_frame(dnstap.SerializeToString())
        message.type = CLIENT_RESPONSE
        message.ClearField("query_message")
        sec, message.response_time_nsec = _moment(note.at)
        message.response_time_sec = sec
        message.response_message = note.reply
        return asked + data_frame(dnstap.SerializeToString())

    return form


def _moment(at: float) -> tuple[int, int]:
    """Return whole seconds, and nanoseconds of the next; a microsecond is all there
    is."""
    return divmod(round(at * 1e6) * 1000, BILLION)
