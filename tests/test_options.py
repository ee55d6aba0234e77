"""The flags of `twistd dotproxy`."""

import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import pytest
from msgspec.structs import replace
from twisted.python.usage import UsageError

import dotproxy
from dotproxy.config.caching import Caching
from dotproxy.config.model import (
    STRATEGIES,
    Config,
    ConfigError,
    Forward,
    Listen,
    Upstream,
)
from dotproxy.config.options import (
    VALUES,
    WIDTH,
    Options,
    checked,
    opt_version,
)
from dotproxy.config.presets import PRESETS
from dotproxy.config.toml_file import DEFAULT
from dotproxy.config.upstream_spec import parse_upstream

CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
PIN, BACKUP = "A" * 43 + "=", "B" * 42 + "A="

FILE = """\
listen = ["127.0.0.1:853"]
profile = "opportunistic"
[[upstream]]
address = "192.0.2.1"
[forward]
strategy = "random"
padding = 0
[cache]
size = 1000000
prefetch = false
"""

PIN_RULE = (
    "must be sha256//BASE64 or plain base64 of 32 octets,"
    " the SHA-256 of a public key (SPKI)"
)
LOOP = "and so itself: change the address or the port of one"

FAULTS = (
    ("--lisetn ::1", "option --lisetn not recognized, did you mean --listen?"),
    ("--frobnicate", "option --frobnicate not recognized, see --help"),
    ("-x", "option -x not recognized, see --help"),
    ("--c x", "option --c not a unique prefix, see --help"),
    ("--listen", "option --listen requires argument: write --listen ADDR"),
    ("--ca-file", "option --ca-file requires argument: write --ca-file FILE"),
    (
        "dotproxy.toml",
        "'dotproxy.toml' is no flag: write --config FILE, --listen ADDR"
        " or --upstream SPEC",
    ),
    (
        "--listen https://[::]:443",
        "--listen 'https://[::]:443' must have a plain path, such as"
        " https://[::]:443/dns-query",
    ),
    (
        "--listen localhost",
        "--listen 'localhost' must be an IP address and a port such as 127.0.0.1:5300"
        " or [::1]:5300",
    ),
    (
        "--listen [::1]:53 --listen [::1]:53",
        "--listen [::1]:53 stands there twice: keep one",
    ),
    (
        "--upstream quad8",
        "--upstream 'quad8' has no address: write tls://ADDRESS#quad8, or give"
        " server_name and bootstrap in a file; did you mean the preset quad9?",
    ),
    (
        "--upstream 1.1.1.1:53",
        "--upstream '1.1.1.1:53' has port = 53, which is for plain DNS, TLS must not be"
        " spoken there (RFC 7858 section 3.1): take 853",
    ),
    (
        "--listen 127.0.0.1:853 --upstream 127.0.0.1",
        "--upstream tls://127.0.0.1:853 would ask our own listener 127.0.0.1:853, "
        + LOOP,
    ),
    (
        "--listen 1.1.1.1:853",
        "--listen: upstream tls://1.1.1.1:853#cloudflare-dns.com would ask our own"
        " listener 1.1.1.1:853, " + LOOP,
    ),
    (
        "--strategy best",
        "--strategy 'best' must be one of failover, fastest, round-robin, random, race,"
        " split",
    ),
    *(
        (
            f"--timeout {text}",
            f"--timeout {text!r} must be a number of seconds from 0.1 to 30",
        )
        for text in ("99", "0", "soon", "nan", "inf", "5s")
    ),
    *(
        (
            f"--cache-size {text}",
            f"--cache-size {text!r} must be a whole number from 0 to 1099511627776",
        )
        for text in ("x", "32M", "-1", "1.5", "1_000", "1099511627777")
    ),
    (
        "--cache-size",
        "option --cache-size requires argument: write --cache-size BYTES",
    ),
    ("--upstream quad9 --pin abc", f"--pin 'abc' {PIN_RULE}"),
    (
        f"--pin {PIN}",
        "--pin holds for upstreams given as flags: give --upstream too,"
        " or set it in the file",
    ),
    (
        "--upstream quad9 --ca-file /none.pem",
        "--ca-file '/none.pem' cannot be read: No such file or directory",
    ),
    (
        "--ca-file /dev/null",
        "--ca-file '/dev/null' holds no certificate:"
        " name a PEM file with a BEGIN CERTIFICATE line",
    ),
    *(
        (
            f"--upstream lab {more}",
            "--upstream lab stands alone: leave it away,"
            " or every other --upstream, --pin and --ca-file",
        )
        for more in ("--upstream quad9", f"--pin {PIN}")
    ),
    (
        "--config /none.toml",
        "'/none.toml' cannot be read: No such file or directory",
    ),
)


def read(line: str) -> Config:
    """Return what the flags in `line` make."""
    options = Options()
    options.read(line.split())
    return options.config


def fault(line: str) -> str:
    """Return what is wrong with the flags in `line`."""
    with pytest.raises(UsageError) as caught:
        read(line)
    return str(caught.value)


def run(code: str, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run Python on `code`, as a process of its own."""
    home = Path(dotproxy.__file__).parent.parent
    command = [sys.executable, "-c", code, *flags]
    return subprocess.run(command, cwd=home, capture_output=True, text=True)


def shown(flag: str) -> str:
    """Return what a flag prints that ends the process well."""
    with redirect_stdout(StringIO()) as output, pytest.raises(SystemExit) as caught:
        Options().parseOptions([flag])
    assert caught.value.code == 0
    return output.getvalue()


class FlagTests(TestCase):
    def test_none(self) -> None:
        """Without flags the defaults hold."""
        self.assertEqual(read(""), DEFAULT)

    def test_listen(self) -> None:
        """Listeners given replace the default ones."""
        config = read("--listen 127.0.0.1:0 --listen [::1]:53")
        expected = (Listen("127.0.0.1", 0), Listen("::1", 53))
        self.assertEqual(config, replace(DEFAULT, listen=expected))

    def test_upstream(self) -> None:
        """Upstreams given replace the default ones, in their order."""
        config = read("--upstream google --upstream tls://192.0.2.1:8853#dns.example")
        expected = (PRESETS["google"], Upstream(("192.0.2.1",), 8853, "dns.example"))
        self.assertEqual(config, replace(DEFAULT, upstream=expected))

    def test_trace(self) -> None:
        """Names are traced as they are spelled in rules; nothing else is a name."""
        config = read("--trace Example.com --trace .Lab.example")
        self.assertEqual(config.trace, ("example.com", ".lab.example"))
        with self.assertRaisesRegex(UsageError, "--trace 'a..b' "):
            read("--trace a..b")

    def test_lab(self) -> None:
        """The lab takes the place of every upstream."""
        self.assertEqual(
            read("--upstream lab"), replace(DEFAULT, upstream=(), lab=True)
        )

    def test_forward(self) -> None:
        """Strategy and timeout hold for all upstreams."""
        config = read("--strategy race --timeout 2.5")
        forward = Forward(strategy="race", timeout=2.5)
        self.assertEqual(config, replace(DEFAULT, forward=forward))

    def test_cache_size(self) -> None:
        """The size of the cache can be given, and that there be none."""
        for size in (0, 1_000_000, 2**40):
            config = read(f"--cache-size {size}")
            self.assertEqual(config, replace(DEFAULT, cache=Caching(size=size)))

    def test_endless_number(self) -> None:
        """A number of thousands of digits is out of range like any other."""
        message = fault("--cache-size " + "1" * 5000)
        self.assertIn("must be a whole number from 0 to 1099511627776", message)

    def test_last_one_holds(self) -> None:
        """Of a flag that takes one value the last one counts."""
        self.assertEqual(read("--timeout 2 --timeout 3").forward.timeout, 3.0)

    def test_pins(self) -> None:
        """Pins hold for every upstream that is a flag, wherever they stand."""
        config = read(
            f"--pin sha256//{PIN} --upstream quad9 --upstream 192.0.2.1 --pin {BACKUP}"
        )
        pins = [upstream.spki_pins for upstream in config.upstream]
        self.assertEqual(pins, [(PIN, BACKUP)] * 2)

    def test_faults(self) -> None:
        """A fault is one line: the flag, its value, what is allowed."""
        for line, message in FAULTS:
            with self.subTest(line=line):
                self.assertEqual(fault(line), message)


class FileTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name) / "dotproxy.toml"
        self.path.write_text(FILE)

    def test_alone(self) -> None:
        """Without other flags the file holds."""
        config = read(f"--config {self.path}")
        self.assertEqual(config.listen, (Listen("127.0.0.1", 853),))
        self.assertEqual(config.upstream, (Upstream(("192.0.2.1",)),))
        self.assertEqual(config.forward, Forward(strategy="random", padding=0))
        self.assertEqual(config.cache, Caching(size=10**6, prefetch=False))

    def test_overridden(self) -> None:
        """A flag overrides its key and no other, wherever it stands."""
        flags = "--listen [::1]:53 --upstream quad9 --timeout 2 --cache-size 5"
        expected = Config(
            (Listen("::1", 53),),
            (PRESETS["quad9"],),
            "opportunistic",
            Forward(strategy="random", timeout=2.0, padding=0),
            Caching(size=5, prefetch=False),
        )
        self.assertEqual(read(f"{flags} --config {self.path}"), expected)
        self.assertEqual(read(f"--config {self.path} {flags}"), expected)

    def test_other_groups(self) -> None:
        """Flags replace the default group, and leave the file's other groups alone."""
        with self.path.open("a") as file:
            file.write("[[upstream]]\naddress = '10.0.0.1'\n")
            file.write("cleartext = true\ngroup = 'home'\n")
            file.write("[[rule]]\nnames = ['.home.arpa']\n")
            file.write("action = 'forward'\ngroup = 'home'\n")
        home = Upstream(("10.0.0.1",), 53, group="home", cleartext=True)
        config = read(f"--config {self.path} --upstream quad9")
        self.assertEqual(config.upstream, (PRESETS["quad9"], home))
        config = read(f"--config {self.path} --upstream lab")
        self.assertEqual((config.upstream, config.lab), ((home,), True))

    def test_lab(self) -> None:
        """The lab replaces the upstreams of the file, too."""
        config = read(f"--config {self.path} --upstream lab")
        self.assertEqual((config.upstream, config.lab), ((), True))

    def test_ca_file(self) -> None:
        """Authorities hold for every upstream that is a flag."""
        ca_file = self.path.with_name("ca.pem")
        ca_file.write_text(CERTIFICATE)
        config = read(f"--ca-file {ca_file} --upstream quad9 --upstream 192.0.2.1")
        found = {upstream.ca_file for upstream in config.upstream}
        self.assertEqual(found, {str(ca_file)})

    def test_file_fault(self) -> None:
        """A fault of the file names its line."""
        self.path.write_text("[forward]\ntimeout = 99")
        self.assertEqual(
            fault(f"--config {self.path}"),
            f"{self.path}:2: timeout = 99 must be a number of seconds from 0.1 to 30",
        )

    def test_loop(self) -> None:
        """A flag that makes a loop with the file is named."""
        self.assertEqual(
            fault(f"--config {self.path} --listen 192.0.2.1:853"),
            "--listen: upstream tls://192.0.2.1:853 would ask our own listener"
            " 192.0.2.1:853, " + LOOP,
        )
        self.assertEqual(
            fault(f"--config {self.path} --upstream 127.0.0.1#dns.example"),
            "--upstream tls://127.0.0.1:853#dns.example would ask our own listener"
            " 127.0.0.1:853, " + LOOP,
        )


class ProcessTests(TestCase):
    def test_exit(self) -> None:
        """A fault ends the process with one line on stderr and status 1."""
        code = "from dotproxy.config.options import Options; Options().parseOptions()"
        ended = run(code, "--timeout", "99")
        line = "--timeout '99' must be a number of seconds from 0.1 to 30"
        self.assertEqual(ended.returncode, 1)
        self.assertEqual((ended.stdout, ended.stderr), ("", f"dotproxy: {line}\n"))

    def test_light(self) -> None:
        """Flags are read before a reactor is chosen, and without any TLS library."""
        heavy = {
            "twisted.internet.reactor",
            "twisted.internet",
            "cryptography",
            "OpenSSL",
        }
        code = "import sys, dotproxy.config.options; print({} & set(sys.modules))"
        ended = run(code.format(heavy))
        self.assertEqual(ended.stdout, "set()\n")

    def test_exit_line(self) -> None:
        """The line begins with the name of the program."""
        with pytest.raises(SystemExit) as caught:
            Options().parseOptions(["--timeout", "99"])
        self.assertEqual(
            caught.value.code,
            "dotproxy: --timeout '99' must be a number of seconds from 0.1 to 30",
        )

    def test_well(self) -> None:
        """Flags without fault end nothing."""
        options = Options()
        options.parseOptions(["--listen", "[::1]:53"])
        self.assertEqual(options.config.listen, (Listen("::1", 53),))

    def test_everywhere(self) -> None:
        """A port alone is that of all addresses, of both families."""
        options = Options()
        options.parseOptions(["--listen", ":53"])
        both = (Listen("0.0.0.0", 53), Listen("::", 53))
        self.assertEqual(options.config.listen, both)


class HelpTests(TestCase):
    def test_flags(self) -> None:
        """Every flag is explained in its group, with what its value is called."""
        text = shown("--help")
        self.assertEqual(set(VALUES), set(Options().docs))
        for flag, value in VALUES.items():
            spelled = f"--{flag}={value}" if value else f"--{flag}"
            self.assertRegex(text, rf"(?m)^  {spelled} +[A-Z]")
        groups = re.findall(r"(?m)^(\w+):$", text)
        expected = ["Listen", "Upstream", "TLS", "Cache", "Watch", "Run", "Examples"]
        self.assertEqual(groups, expected)

    def test_true(self) -> None:
        """Defaults, presets, strategies and bounds are those that hold."""
        text = " ".join(shown("--help").split())
        forward = DEFAULT.forward
        for words in (
            "(default {} and {})".format(*DEFAULT.listen),
            "(default cloudflare, then quad9)",
            f"one of {' '.join(PRESETS)},",
            f"{', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}",
            f"(default {forward.strategy})",
            f"(default {forward.timeout:g})",
            "0.1 to 30",
            f"(default {DEFAULT.cache.size}, {DEFAULT.cache.size >> 20} MiB)",
        ):
            self.assertIn(words, text)

    def test_examples(self) -> None:
        """The examples work."""
        lines = [
            line.partition("dotproxy ")[2]
            for line in shown("--help").splitlines()
            if "twistd -n dotproxy" in line
        ]
        self.assertEqual(len(lines), 2)
        self.assertEqual(read(lines[0]).upstream, (PRESETS["quad9"],))
        self.assertEqual(
            str(read(lines[1]).upstream[0]), "tls://9.9.9.9:853#dns.quad9.net"
        )

    def test_width(self) -> None:
        """No line is wider than a terminal."""
        widest = max(map(len, shown("--help").splitlines()))
        self.assertLessEqual(widest, WIDTH)

    def test_version(self) -> None:
        """Both versions that matter are shown."""
        self.assertRegex(
            shown("--version"), rf"\Adotproxy {dotproxy.__version__}, Twisted [\d.]+\n"
        )


class AgainTests(TestCase):
    """The same flags, read once more when a file has changed."""

    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.file = Path("dotproxy.toml")
        self.file.write_text("[forward]\ntimeout = 2\n")

    def options(self, *flags: str) -> Options:
        """Read flags in the folder of the file, then leave it as a daemon does."""
        options = Options()
        options.read(flags)
        self.file = self.file.absolute()
        os.chdir("/")
        return options

    def test_file(self) -> None:
        """The file counts as it is now, wherever the process went; flags override."""
        options = self.options("--config", "dotproxy.toml", "--strategy", "race")
        self.file.write_text("[forward]\ntimeout = 3\nstrategy = 'split'\n")
        again = options.again()
        self.assertEqual(again.forward, Forward(strategy="race", timeout=3))
        self.assertEqual(options.config.forward.timeout, 2)
        self.file.write_text("")
        self.assertEqual(options.again().forward, Forward(strategy="race"))

    def test_flags_alone(self) -> None:
        """Without a file the flags say what they said."""
        options = self.options("--listen", "127.0.0.1:0", "--upstream", "quad9")
        self.assertEqual(options.again(), options.config)

    def test_ca_file(self) -> None:
        """A file that a flag names is looked for where it was, and looked at anew."""
        certificate = Path("ca.pem")
        certificate.write_text(CERTIFICATE)
        options = self.options("--upstream", "quad9", "--ca-file", "ca.pem")
        found = options.config.upstream[0].ca_file
        self.assertEqual(options.again(), options.config)
        Path(found).unlink()
        with pytest.raises(ConfigError, match=r"^--ca-file 'ca.pem' cannot be read: "):
            options.again()

    def test_fault(self) -> None:
        """A fault is one line that names file and line; what holds stays."""
        options = self.options("--config", "dotproxy.toml")
        before = options.config
        self.file.write_text("[forward]\ntimeout = 99\n")
        with pytest.raises(ConfigError) as caught:
            options.again()
        self.assertEqual(
            str(caught.value),
            f"{self.file}:2: timeout = 99 must be a number of seconds from 0.1 to 30",
        )
        self.assertIs(options.config, before)


class SharedTests(TestCase):
    """What other commands have from here."""

    def test_configuration(self) -> None:
        """What the configuration refuses is refused here, in its words."""
        with self.assertRaises(UsageError) as caught:
            checked("UPSTREAM", "tls://1.1.1.1#", parse_upstream)
        expected = "UPSTREAM 'tls://1.1.1.1#' must have a host name after its #"
        assert str(caught.exception) == expected

    def test_version(self) -> None:
        """Asked for the version, the command says it and ends well."""
        said = StringIO()
        with redirect_stdout(said), self.assertRaises(SystemExit) as caught:
            opt_version(None)
        assert said.getvalue().startswith(f"dotproxy {dotproxy.__version__}, Twisted ")
        assert caught.exception.code == 0
