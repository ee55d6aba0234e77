"""The floor: return each datagram as an answer, without a look at it.

Whatever a server in Python does for an answer, it does on top of this.
"""

import socket
import sys

ANSWERED = b"\x81\x80"
"""QR, RD and RA: the flags of an answer."""


def main(port: int) -> None:
    """Serve UDP on a port of 127.0.0.1 until killed."""
    served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    served.bind(("127.0.0.1", port))
    receive, send = served.recvfrom, served.sendto
    while True:
        message, client = receive(4096)
        send(message[:2] + ANSWERED + message[4:], client)


if __name__ == "__main__":
    main(int(sys.argv[1]))
