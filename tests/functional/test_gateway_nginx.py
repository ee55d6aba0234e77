"""The gateway in front of a real web server that has several names."""

import hashlib
import random
from pathlib import Path

from tests.functional.clients import run
from tests.functional.nginx import start_nginx
from tests.functional.processes import program
from tests.functional.test_gateway import REDIRECT, GatewayTests

NAMES = ("www.origin.example", "static.origin.example", "api.origin.example")

LARGE = 20 * 2**20
"""Octets of a file, each way."""

VERSIONS = ("1.1", "2")
"""Of HTTP, as curl has them."""


class NginxTests(GatewayTests):
    def setUp(self) -> None:
        super().setUp()
        self.nginx = start_nginx(self.stage, NAMES)
        backend = f'backend = "127.0.0.1:{self.nginx.port}"'
        self.start(f'{REDIRECT}names = [".origin.example"]\n{backend}\n')

    def curl(self, *words: str) -> str:
        """Run curl, which is led to the gateway, and trusts nginx's authority."""
        there = ("--connect-to", f"::{self.host}:{self.port}")
        trust = ("--cacert", str(self.nginx.ca_file))
        limits = ("--silent", "--show-error", "--fail", "--max-time", "20")
        return run([program("curl"), *limits, *there, *trust, *words])

    def test_names(self) -> None:
        """Each name has its page and its own certificate, over HTTP/1.1 and HTTP/2."""
        for name, site in self.nginx.sites.items():
            for version, spelled in zip(
                VERSIONS, ("HTTP/1.1", "HTTP/2.0"), strict=True
            ):
                url = f"https://{name}/"
                got = self.curl(f"--http{version}", "--write-out", "%{certs}", url)
                page, _, certificates = got.partition("\n")
                self.assertEqual(page, f"{name} {spelled}")
                self.assertIn(site.certificate, certificates)

    def test_download(self) -> None:
        """A large file comes whole."""
        name, site = NAMES[1], self.nginx.sites[NAMES[1]]
        expected = self.write(site.files / "large")
        for version in VERSIONS:
            got = self.stage.folder / f"got-{version}"
            url = f"https://{name}/files/large"
            self.curl(f"--http{version}", "--output", str(got), url)
            self.assertEqual(digest(got), expected)
        self.assertGreater(self.relayed(name, r"\d+ octets up, (\d+) down"), LARGE)

    def test_upload(self) -> None:
        """So does one that a client sends."""
        name, site = NAMES[2], self.nginx.sites[NAMES[2]]
        file = self.stage.folder / "large"
        expected = self.write(file)
        for version in VERSIONS:
            url = f"https://{name}/files/up-{version}"
            self.curl(f"--http{version}", "--upload-file", str(file), url)
            self.assertEqual(digest(site.files / f"up-{version}"), expected)
        self.assertGreater(self.relayed(name, r"(\d+) octets up"), LARGE)

    def write(self, file: Path) -> str:
        """Write a large file; return its digest."""
        file.write_bytes(random.Random(0).randbytes(LARGE))
        return digest(file)

    def relayed(self, name: str, octets: str) -> int:
        """Return how many octets went one way, as the log has it."""
        pattern = rf"{name} to 127\.0\.0\.1:{self.nginx.port}: done, .*?{octets}"
        return int(self.proxy.process.wait_for(pattern)[1])


def digest(file: Path) -> str:
    """Return what tells a file from all others."""
    return hashlib.sha256(file.read_bytes()).hexdigest()
