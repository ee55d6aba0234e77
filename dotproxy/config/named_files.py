"""Files that a configuration names: looked at before anything relies on them."""

import os
import stat


def certificate_file(path: str) -> str:
    """Return the absolute path of a PEM file that holds a certificate.

    Absolute, since a daemon may leave its folder.  Raises ValueError.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as fault:
        raise ValueError(f"cannot be read: {fault.strerror}") from None
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ValueError(
            "holds no certificate: name a PEM file with a BEGIN CERTIFICATE line"
        )
    return os.path.abspath(path)


def list_file(path: str) -> str:
    """Return the absolute path of a file of names that can be read.  Raises ValueError.

    A pipe, from which nothing may ever come, is no such file.
    """
    try:
        if "\0" in path or not stat.S_ISREG(os.stat(path).st_mode):
            raise ValueError("must be a plain file")
        with open(path, "rb"):
            return os.path.abspath(path)
    except OSError as fault:
        raise ValueError(f"cannot be read: {fault.strerror}") from None
