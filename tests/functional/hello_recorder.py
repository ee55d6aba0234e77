"""A server that writes down the hellos of its clients, in hexadecimal, and hangs up.

It is a program, since it may have to run on another machine than the test.
"""

import socket
import sys
from contextlib import suppress

from dotproxy.wire.clienthello import HelloReader
from dotproxy.wire.message import FormatError


def main(port: int) -> None:
    """Listen until killed."""
    with socket.create_server(("127.0.0.1", port)) as server:
        print("recording", flush=True)
        while True:
            client, _ = server.accept()
            with client, suppress(OSError, FormatError):
                print("hello", hear(client).hex(), flush=True)


def hear(client: socket.socket) -> bytes:
    """Return the octets up to the end of the hello, and all that came with them."""
    reader = HelloReader()
    client.settimeout(5)
    while data := client.recv(65536):
        if reader.feed(data):
            return bytes(reader.octets)
    raise ConnectionError("no hello came")


if __name__ == "__main__":
    main(int(sys.argv[1]))
