"""`dotproxy profile`: what clients need to come encrypted."""

import plistlib
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from dotproxy.cli.main import read
from tests.credentials import folder_of, issue, write

NAME = "dns.example.net"


class ProfileTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = folder_of(self.addCleanup)
        write(self.folder, issue("*.example.net", NAME))
        (self.folder / "dns.key").chmod(0)
        self.configure("tls://192.0.2.1", "https://192.0.2.1:8443/dns-query")

    def configure(self, *listen: str) -> None:
        self.file = self.folder / "dotproxy.toml"
        self.file.write_text(
            f"listen = {['192.0.2.1:53', *listen]}\n"
            '[certificate]\nchain = "dns.pem"\nkey = "dns.key"\n'
        )

    def say(self, *words: str) -> str:
        options: Any = read(["profile", *words])
        with redirect_stdout(StringIO()) as said:
            done = Deferred.fromCoroutine(options.run(None))
            assert self.successResultOf(done) == 0
        return said.getvalue()

    def configured(self, *words: str) -> str:
        return self.say("--config", str(self.file), *words)

    def fault(self, *words: str) -> str:
        """Return the one line that says what is wrong."""
        try:
            options: Any = read(["profile", *words])
        except usage.UsageError as fault:
            return str(fault)
        done = Deferred.fromCoroutine(options.run(None))
        (line,) = str(self.failureResultOf(done, usage.UsageError).value).splitlines()
        return line

    def test_apple(self) -> None:
        """What is served is in the profile, over HTTPS where it is; the key is not
        needed."""
        profile = plistlib.loads(self.configured("--apple").encode())
        (payload,) = profile["PayloadContent"]
        assert payload["DNSSettings"] == {
            "DNSProtocol": "HTTPS",
            "ServerURL": f"https://{NAME}:8443/dns-query",
            "ServerAddresses": ["192.0.2.1"],
        }
        self.configure("tls://[::]:853")
        text = self.configured("--apple", "--address", "192.0.2.7")
        (payload,) = plistlib.loads(text.encode())["PayloadContent"]
        assert payload["DNSSettings"] == {
            "DNSProtocol": "TLS",
            "ServerName": NAME,
            "ServerAddresses": ["192.0.2.7"],
        }

    def test_one(self) -> None:
        """One client's lines can be had alone, also by another name."""
        assert self.configured("--android").endswith(f"\n{NAME}\n")
        assert self.configured("--firefox", "--name", "a.example.net").endswith(
            "\nhttps://a.example.net:8443/dns-query\n"
        )
        assert f"DNS=192.0.2.1#{NAME}\n" in self.configured("--resolved")
        assert "{?dns}" in self.configured("--chromium")

    def test_all(self) -> None:
        """Without a client it is said for all, or why not."""
        self.configure("tls://192.0.2.1:8853")
        said = self.configured()
        heads = [part.partition(":")[0] for part in said.split("\n\n")]
        assert heads == ["android", "apple", "chromium", "firefox", "resolved"]
        for client, what in (
            ("android", "server has DNS over TLS on port 8853"),
            ("apple", "server has DNS over TLS on port 8853"),
            ("firefox", "server has no DNS over HTTPS"),
        ):
            assert f"{client}: no, {what}" in said
        assert f"DNS=192.0.2.1:8853#{NAME}" in said
        assert "apple: add --apple" in self.say("--name", NAME)

    def test_flags(self) -> None:
        """Without a configuration the flags say what is served."""
        words = ("--name", NAME, "--address", "192.0.2.1", "--address", "2001:db8:0::1")
        assert f"DNS=192.0.2.1#{NAME} 2001:db8::1#{NAME}" in self.say(*words)
        assert f"https://{NAME}/q\n" in self.say(*words, "--path", "/q", "--firefox")

    def test_faults(self) -> None:
        """What is missing or does not fit is one line."""
        config = ("--config", str(self.file))
        assert self.fault() == "which server?  Give --config FILE, or --name NAME"
        assert "one client" in self.fault("--name", NAME, "--apple", "--android")
        assert "keep one" in self.fault(*config, "--path", "/q")
        assert "must be like" in self.fault("--name", NAME, "--path", "q")
        assert "host name" in self.fault("--name", "a b")
        assert "IP address" in self.fault("--address", "a")
        assert "cannot be read" in self.fault("--config", "/nowhere")
        assert "give --path" in self.fault("--name", NAME, "--firefox")
        assert self.fault(*config, "--name", "dns.example.org") == (
            f"{self.file}: certificate is not for dns.example.org:"
            f" it has *.example.net, {NAME}"
        )
        (self.folder / "dns.pem").write_text("none")
        assert "holds no certificate" in self.fault(*config)
        write(self.folder, issue())
        assert "has no name that clients could insist on" in self.fault(*config)
        (self.folder / "dns.pem").unlink()
        assert "cannot be read" in self.fault(*config)
        self.file.write_text('listen = ["127.0.0.1:53"]\n')
        assert "listen has nothing encrypted" in self.fault(*config)
