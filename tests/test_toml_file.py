"""The configuration file."""

import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import pytest

from dotproxy.config.access import Access, RateLimit
from dotproxy.config.admin import Admin
from dotproxy.config.caching import Caching
from dotproxy.config.certificate import Certificate
from dotproxy.config.clients import Clients
from dotproxy.config.gateway import Gateway
from dotproxy.config.model import Config, ConfigError, Forward, Listen, Upstream
from dotproxy.config.naming import Hosts, Naming, Rebinding, SpecialNames
from dotproxy.config.presets import PRESETS
from dotproxy.config.rule import Rule
from dotproxy.config.shared_cache import FORM, Shared
from dotproxy.config.toml_file import (
    DEFAULT,
    KEYS,
    RULE_KEYS,
    TABLES,
    UPSTREAM_KEYS,
    load,
)

SAMPLE = Path(__file__).parent.parent / "deploy" / "dotproxy.toml"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
PIN = "A" * 43 + "="

FULL = f"""\
listen = ["127.0.0.1:53", "[::1]:53"]
profile = "opportunistic"

[[upstream]]
address = "192.0.2.1"
port = 8853
server_name = "dns.example"
spki_pins = ["sha256//{PIN}"]
ca_file = "ca.pem"

[[upstream]]
addresses = ["192.0.2.2", "2001:db8::2"]

[[upstream]]
server_name = "dns.example.net"
bootstrap = ["9.9.9.9"]

[forward]
strategy = "race"
timeout = 4
connect_timeout = 2
idle_timeout = 0
max_in_flight = 32
max_connections = 1
padding = 0

[cache]
size = 1048576
min_ttl = 5
max_ttl = 3600
negative_max_ttl = 60
serve_stale = false
stale_ttl = 10
stale_max_age = 7200
stale_client_timeout = 1
prefetch = false
file = "cache"

[access]
allow = ["192.168.1.0/24", "::1"]
deny = "drop"

[rate_limit]
qps = 20
burst = 200
ipv4_prefix = 32
ipv6_prefix = 64
slip = 3

[clients]
max_tcp = 50
max_tcp_per_client = 5
idle_timeout = 20
max_queries = 100

[[rule]]
action = "block"
names = ["ads.example.org"]
file = "names"
reply = "null"

[[rule]]
action = "forward"
names = ["*.Home.arpa"]
group = "default"

[hosts]
files = ["names"]

[rebinding]
protect = true
allow = [".plex.direct"]

[special]
single_labels = false
canary = true

[gateway]
listen = ["0.0.0.0:443"]
leases = ["127.64.0.0/16"]

[admin]
listen = "127.0.0.1:9153"
socket = ""
hosts = ["dotproxy.example"]
token = "0123456789abcdef"
"""

SHOWN = ("block", "allow", "answer", "forward", "redirect")
"""The actions in the order in which the sample shows them."""

KNOWN = (
    "known: listen, workers, profile, upstream, cache, rule, certificate, forward,"
    " access, rate_limit, clients, hosts, rebinding, special, gateway, admin,"
    " query_log"
)

FAULTS = (
    # An unknown key, at every level, also those of later versions.
    ("lisetn = []", "1: unknown key 'lisetn', did you mean 'listen'?"),
    ("[forwad]", "1: unknown key 'forwad', did you mean 'forward'?"),
    (
        "[cache]\nsize = 0\n[cache.shared]\nulr = ''",
        "4: unknown key 'ulr' in [cache.shared], did you mean 'url'?",
    ),
    (
        "[cache]\nshared = 1",
        "2: cache.shared = 1 must be a table: begin it with [cache.shared]",
    ),
    ("[cache.shared]\nurl = 'redis:'", f"2: url {FORM}"),
    ("[chache]", "1: unknown key 'chache', did you mean 'cache'?"),
    ("[colours]", f"1: unknown key 'colours', {KNOWN}"),
    ("lab = true", f"1: unknown key 'lab', {KNOWN}"),
    (
        "[forward]\npadding = 0\ntimout = 5",
        "3: unknown key 'timout' in [forward], did you mean 'timeout'?",
    ),
    (
        "[forward]\necho = 'strip'",
        "2: unknown key 'echo' in [forward], known: strategy, timeout, connect_timeout,"
        " idle_timeout, max_in_flight, max_connections, padding, ecs",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\n\n[[upstream]]\nadress = '192.0.2.1'",
        "5: unknown key 'adress' in [[upstream]], did you mean 'address'?",
    ),
    (
        "[[upstream]]\ncolour = 'red'",
        "2: unknown key 'colour' in [[upstream]], known: address, addresses, port,"
        " server_name, spki_pins, ca_file, bootstrap, group, cleartext, max_in_flight,"
        " pins_report_only",
    ),
    (
        "[[upstream]]\naddress = '10.0.0.1'\ncleartext = 1",
        "3: cleartext = 1 must be true or false",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\n\n[[upstream]]\ngroup = 'at home'",
        "5: group = 'at home' must be a word of at most 32 letters, digits, hyphens and"
        " underscores",
    ),
    (
        "[[upstream]]\naddress = '8.8.8.8'\ngroup = 'home'\ncleartext = true",
        "4: cleartext = true with address 8.8.8.8 would show queries to the Internet:"
        " only private addresses such as 192.168.1.1 may be asked in clear, ask others"
        " over TLS",
    ),
    (
        "[[upstream]]\naddress = '10.0.0.1'\ncleartext = true",
        "3: cleartext = true would let all names leave in clear, which profile ="
        " 'strict' forbids: give the upstream a group, and a rule that forwards to it",
    ),
    (
        "[[upstream]]\naddress = '10.0.0.1'\ngroup = 'home'\ncleartext = true",
        "3: group = 'home' is never asked: write a [[rule]] that forwards to it",
    ),
    # listen
    (
        "listen = '127.0.0.1:53'",
        "1: listen = '127.0.0.1:53' must be an array of strings"
        " such as ['127.0.0.1:5300']",
    ),
    ("listen = [53]", "1: listen = 53 must be a string"),
    (
        "# here\nlisten = [\n  '127.0.0.1:53',\n  'quic://[::]:853',\n]",
        "2: listen = 'quic://[::]:853' must be ADDRESS:PORT for UDP and TCP,"
        " tls://ADDRESS:PORT, https://ADDRESS:PORT/dns-query, or http:// behind a"
        " proxy",
    ),
    ("listen = []", "1: listen is empty: name an address"),
    (
        "listen = ['[::1]:53', '[0::1]:53']",
        "1: listen [::1]:53 stands there twice: keep one",
    ),
    (
        "listen = ['[::1]:53', 'tls://[::1]:53']\n"
        "[certificate]\nchain = 'a'\nkey = 'b'",
        "1: listen tls://[::1]:53 has the port of [::1]:53: give it another",
    ),
    (
        "listen = ['tls://[::1]:853']",
        "1: listen tls://[::1]:853 needs a certificate: name chain and key in"
        " [certificate]",
    ),
    # certificate
    (
        "certificate = 3",
        "1: certificate = 3 must be a table: begin it with [certificate]",
    ),
    ("[[certificate]]\nchain = 'a'", "1: certificate has no key: name a PEM file"),
    ("[certificate]\nchain = 3\nkey = 'b'", "2: chain = 3 must be a string"),
    (
        "[certificate]\nchian = 'a'\nchain = 'c'\nkey = 'b'",
        "2: unknown key 'chian' in [certificate], did you mean 'chain'?",
    ),
    # profile
    (
        "profile = 'lax'",
        "1: profile = 'lax' must be one of strict, opportunistic",
    ),
    ("profile = true", "1: profile = true must be one of strict, opportunistic"),
    # forward
    ("forward = 3", "1: forward = 3 must be a table: begin it with [forward]"),
    (
        "[forward]\ntimeout = 99",
        "2: timeout = 99 must be a number of seconds from 0.1 to 30",
    ),
    (
        "forward.timeout = '5'",
        "1: timeout = '5' must be a number of seconds from 0.1 to 30",
    ),
    (
        "[forward]\nidle_timeout = nan",
        "2: idle_timeout = nan must be a number of seconds from 0 to 3600",
    ),
    (
        "[forward]\n\nstrategy = 'best'",
        "3: strategy = 'best' must be one of failover, fastest, round-robin, random,"
        " race, split",
    ),
    (
        "[forward]\nmax_in_flight = 0",
        "2: max_in_flight = 0 must be a whole number from 1 to 4096",
    ),
    # gateway
    ("gateway = 3", "1: gateway = 3 must be a table: begin it with [gateway]"),
    (
        "[gateway]\nlisen = []",
        "2: unknown key 'lisen' in [gateway], did you mean 'listen'?",
    ),
    (
        "[gateway]\nlisten = ['0.0.0.0:443']\nallow = ['0.0.0.0/0']",
        "3: allow = ['0.0.0.0/0'] lets everybody in, or nearly (more than a /4 of IPv4"
        " or a /16 of IPv6): name your own networks in [gateway], or write public ="
        " true there as well",
    ),
    (
        "listen = ['192.0.2.1:53']\n[gateway]\nlisten = [':53']",
        "3: listen 0.0.0.0:53 in [gateway] meets listen 192.0.2.1:53, where DNS is"
        " served: give one of the two another address or port",
    ),
    (
        "[[rule]]\nnames = ['a.example']\naction = 'redirect'",
        "3: action = 'redirect' leads nowhere: give addresses in [gateway]",
    ),
    # cache
    ("cache = 3", "1: cache = 3 must be a table: begin it with [cache]"),
    ("[[cache]]", "1: cache = [{}] must be a table: begin it with [cache]"),
    (
        "[cache]\nsiz = 3",
        "2: unknown key 'siz' in [cache], did you mean 'size'?",
    ),
    (
        "[cache]\nsize = 0\nprefetch = true\ntype = 'lru'",
        "4: unknown key 'type' in [cache], known: size, min_ttl, max_ttl,"
        " negative_max_ttl, serve_stale, stale_ttl, stale_max_age,"
        " stale_client_timeout, prefetch, file, shared",
    ),
    (
        "[cache]\n\nsize = 'x'",
        "3: size = 'x' must be a whole number from 0 to 1099511627776",
    ),
    (
        "[cache]\nmax_ttl = 10\nmin_ttl = 20",
        "3: min_ttl = 20 must be at most max_ttl, 10",
    ),
    (
        "cache.max_ttl = 0",
        "1: max_ttl = 0 must be a whole number from 1 to 604800",
    ),
    ("[cache]\nserve_stale = 1", "2: serve_stale = 1 must be true or false"),
    ("[cache]\nfile = true", "2: file = true must be a string"),
    # access
    ("access = []", "1: access = [] must be a table: begin it with [access]"),
    ("[acces]", "1: unknown key 'acces', did you mean 'access'?"),
    (
        "[access]\ndeny = 'drop'\nblock = []",
        "3: unknown key 'block' in [access], known: allow, deny",
    ),
    ("[access]\nallow = []", "2: allow is empty: name a network"),
    ("[access]\nallow = '::1'", "2: allow = '::1' must be an array of strings"),
    (
        "[access]\n\nallow = [\n  '10.0.0.0/8',\n  '192.168.1.7/24',\n]",
        "3: allow = '192.168.1.7/24' has bits beyond its prefix: write 192.168.1.0/24"
        " for the network, or 192.168.1.7 for the one address",
    ),
    (
        "[access]\nallow = ['lan']",
        "2: allow = 'lan' must be a network such as 192.168.1.0/24 or fd00::/8,"
        " or an IP address, without a zone",
    ),
    ("[access]\ndeny = 'no'", "2: deny = 'no' must be one of refuse, drop"),
    # rate_limit
    (
        "[ratelimit]",
        "1: unknown key 'ratelimit', did you mean 'rate_limit'?",
    ),
    (
        "rate_limit = 20",
        "1: rate_limit = 20 must be a table: begin it with [rate_limit]",
    ),
    (
        "[rate_limit]\nrate = 1",
        "2: unknown key 'rate' in [rate_limit], known: qps, burst, ipv4_prefix,"
        " ipv6_prefix, slip",
    ),
    (
        "[rate_limit]\nqps = 20\nburst = 0",
        "3: burst = 0 must be a whole number from 1 to 1000000",
    ),
    # upstream
    (
        "[upstream]\naddress = '192.0.2.1'",
        "1: upstream must be an array of tables: begin each with [[upstream]]",
    ),
    (
        "upstream = ['quad9']",
        "1: upstream must be an array of tables: begin each with [[upstream]]",
    ),
    ("upstream = []", "1: upstream is empty: name a server"),
    (
        "[[upstream]]\naddress = '192.0.2.1'\n[[upstream]]\nport = 853",
        "3: upstream has no address: give address, or both server_name and bootstrap",
    ),
    (
        "[[upstream]]\naddress = 'dns.example'",
        "2: address = 'dns.example' must be an IP address such as 192.0.2.1"
        " or 2001:db8::1, not a name, and without a zone",
    ),
    ("[[upstream]]\naddress = 1", "2: address = 1 must be a string"),
    (
        "[[upstream]]\naddresses = '192.0.2.1'",
        "2: addresses = '192.0.2.1' must be an array of strings",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\naddresses = []",
        "2: address = '192.0.2.1' stands beside addresses: keep one of the two",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nport = 53",
        "3: port = 53 is for plain DNS, TLS must not be spoken there"
        " (RFC 7858 section 3.1): take 853",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nserver_name = '192.0.2.1'",
        "3: server_name = '192.0.2.1' is an address: leave it away,"
        " an address needs no name to be verified",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nspki_pins = ['abc']",
        "3: spki_pins = 'abc' must be sha256//BASE64 or plain base64 of 32 octets,"
        " the SHA-256 of a public key (SPKI)",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nca_file = 'none.pem'",
        "3: ca_file = 'none.pem' cannot be read: No such file or directory",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nca_file = '.'",
        "3: ca_file = '.' cannot be read: Is a directory",
    ),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nca_file = 'dotproxy.toml'",
        "3: ca_file = 'dotproxy.toml' holds no certificate:"
        " name a PEM file with a BEGIN CERTIFICATE line",
    ),
    ("[[upstream]]\nca_file = false", "2: ca_file = false must be a string"),
    ("[[upstream]]\nca_file = 3", "2: ca_file = 3 must be a string"),
    (
        "[[upstream]]\naddress = '192.0.2.1'\nbootstrap = ['9.9.9.9']",
        "3: bootstrap = ['9.9.9.9:53'] is for an upstream without an address:"
        " keep one of the two",
    ),
    (
        "listen = ['127.0.0.1:853']\n[[upstream]]\naddress = '127.0.0.1'",
        "2: upstream tls://127.0.0.1:853 would ask our own listener 127.0.0.1:853,"
        " and so itself: change the address or the port of one",
    ),
    # The upstream at fault is a default one: it stands on no line.
    (
        "listen = ['1.1.1.1:853']",
        " upstream tls://1.1.1.1:853#cloudflare-dns.com would ask our own listener"
        " 1.1.1.1:853, and so itself: change the address or the port of one",
    ),
    # rule
    ("rule = 3", "1: rule must be an array of tables: begin each with [[rule]]"),
    ("[rule]", "1: rule must be an array of tables: begin each with [[rule]]"),
    (
        "[[rule]]\naction = 'allow'\nnames = ['a.example']\n[[rule]]\nacton = 'allow'",
        "5: rule 2: unknown key 'acton' in [[rule]], did you mean 'action'?",
    ),
    (
        "[[rule]]\nnames = ['a.example']",
        "1: rule 1: it has no action: give one of block, answer, forward, allow,"
        " redirect",
    ),
    (
        "[[rule]]\naction = 'allow'",
        "1: rule 1: it is for no name: give names, file or files",
    ),
    (
        "[[rule]]\n\naction = 'lead'\nnames = ['a.example']",
        "3: rule 1: action = 'lead' must be one of block, answer, forward, allow,"
        " redirect",
    ),
    (
        "[[rule]]\naction = 'block'\nnames = ['a.example', 'b c']",
        "3: rule 1: names = 'b c' must be a name such as example.org, or .example.org"
        " for all below it, too",
    ),
    (
        "[[rule]]\naction = 'block'\nfile = 'none.txt'",
        "3: rule 1: file = 'none.txt' cannot be read: No such file or directory",
    ),
    (
        "[[rule]]\naction = 'block'\nfiles = ['dotproxy.toml', '.']",
        "3: rule 1: files = '.' must be a plain file",
    ),
    (
        "[[rule]]\naction = 'block'\nfile = \"a\\u0000b\"",
        "3: rule 1: file = 'a\\x00b' must be a plain file",
    ),
    ("[[rule]]\naction = 'block'\nfile = 3", "3: rule 1: file = 3 must be a string"),
    (
        "[[rule]]\naction = 'block'\nfile = 'a'\nfiles = []",
        "3: rule 1: file = 'a' stands beside files: keep one of the two",
    ),
    (
        "[[rule]]\naction = 'forward'\nnames = ['.lan']\ngroup = 'router'",
        "4: group = 'router' has no upstream, known: 'default'",
    ),
    # hosts, rebinding, special
    ("hosts = ['a']", "1: hosts = ['a'] must be a table: begin it with [hosts]"),
    (
        "[hosts]\nfiles = ['none']",
        "2: files = 'none' cannot be read: No such file or directory",
    ),
    (
        "[hosts]\nfile = 'none'",
        "2: unknown key 'file' in [hosts], did you mean 'files'?",
    ),
    ("[rebinding]\nprotect = 1", "2: protect = 1 must be true or false"),
    (
        "[rebinding]\nallow = ['-']\nprotec = true",
        "3: unknown key 'protec' in [rebinding], did you mean 'protect'?",
    ),
    (
        "[rebinding]\nallow = ['a..b']",
        "2: allow = 'a..b' must be a name such as example.org, or .example.org"
        " for all below it, too",
    ),
    ("[special]\ncanary = 'yes'", "2: canary = 'yes' must be true or false"),
    # No TOML at all.
    ("listen\n", "1:7: not TOML: Expected '=' after a key in a key/value pair"),
    ("a = 1\nlisten = [\n", "3:1: not TOML: Invalid value"),
    ("a = [", "1:6: not TOML: Invalid value"),
    ("listen = 1\nlisten = 2", "2:11: not TOML: Cannot overwrite a value"),
)


class FileTests(TestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "dotproxy.toml"

    def load(self, text: str) -> Config:
        self.path.write_bytes(text.encode())
        return load(str(self.path))

    def beside(self, name: str) -> str:
        """Return the path of a file beside the configuration."""
        return str(self.folder / name)

    def fault(self, text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(text)
        return str(caught.value)


class LoadTests(FileTests):
    def test_empty(self) -> None:
        """What a file leaves away has its default."""
        self.assertEqual(self.load(""), DEFAULT)
        self.assertEqual(self.load("[forward]\n# nothing\n"), DEFAULT)

    def test_default(self) -> None:
        """By default this machine is served, and two services are asked, strictly."""
        self.assertTrue(DEFAULT.listens_by_default)
        self.assertEqual(DEFAULT.upstream, (PRESETS["cloudflare"], PRESETS["quad9"]))
        self.assertEqual(DEFAULT.profile, "strict")
        self.assertEqual(DEFAULT.forward, Forward())
        self.assertEqual(DEFAULT.cache, Caching())
        self.assertEqual(DEFAULT.access, Access())
        self.assertEqual(DEFAULT.rate_limit, RateLimit())
        self.assertEqual(DEFAULT.naming, Naming())
        self.assertFalse(DEFAULT.lab)

    def test_everywhere(self) -> None:
        """A port alone is that of all addresses, of both families."""
        certificate = "[certificate]\nchain = 'a'\nkey = 'b'\n"
        config = self.load(f"listen = [':53', 'tls://:853']\n{certificate}")
        listening = ("0.0.0.0:53", "[::]:53", "tls://0.0.0.0:853", "tls://[::]:853")
        self.assertEqual(tuple(map(str, config.listen)), listening)

    def test_full(self) -> None:
        """Every key reaches its place."""
        ca_file = self.folder / "ca.pem"
        ca_file.write_text(CERTIFICATE)
        names = self.beside("names")
        Path(names).touch()
        upstreams = (
            Upstream(("192.0.2.1",), 8853, "dns.example", (PIN,), str(ca_file)),
            Upstream(("192.0.2.2", "2001:db8::2")),
            Upstream((), server_name="dns.example.net", bootstrap=("9.9.9.9",)),
        )
        self.assertEqual(
            self.load(FULL),
            Config(
                (Listen("127.0.0.1", 53), Listen("::1", 53)),
                upstreams,
                "opportunistic",
                Forward("race", 4.0, 2.0, 0.0, 32, 1, 0),
                Caching(
                    2**20,
                    5,
                    3600,
                    60,
                    False,
                    10,
                    7200,
                    1.0,
                    False,
                    self.beside("cache"),
                ),
                Access(("192.168.1.0/24", "::1"), "drop"),
                RateLimit(20, 200, 32, 64, 3),
                Clients(50, 5, 20, 100),
                (
                    Rule("block", ("ads.example.org",), (names,), "null"),
                    Rule("forward", (".home.arpa",), group="default"),
                ),
                Hosts((names,)),
                Rebinding(True, (".plex.direct",)),
                SpecialNames(False, True),
                Gateway(("0.0.0.0:443",), leases=("127.64.0.0/16",)),
                Admin("127.0.0.1:9153", "", ("dotproxy.example",), "0123456789abcdef"),
            ),
        )

    def test_windows(self) -> None:
        """Lines may end as on Windows."""
        self.assertEqual(self.load("profile = 'strict'\r\n[forward]\r\n"), DEFAULT)

    def test_faults(self) -> None:
        """A fault is one line: file, line, key, value, what is allowed."""
        for text, message in FAULTS:
            with self.subTest(text=text):
                self.assertEqual(self.fault(text), f"{self.path}:{message}")

    def test_long_number(self) -> None:
        """A number that Python refuses to read is told like any other fault."""
        self.assertRegex(
            self.fault("a = " + "1" * 5000),
            rf"\A{re.escape(str(self.path))}: not TOML: .+\Z",
        )

    def test_deep_nesting(self) -> None:
        """Brackets without end exhaust nobody."""
        self.assertEqual(
            self.fault("a = " + "[" * 100_000), f"{self.path} is nested too deeply"
        )

    def test_no_text(self) -> None:
        """What is no UTF-8 text is refused where it stops being that."""
        self.path.write_bytes(b"# a\n# b\n# \xff\n")
        with pytest.raises(ConfigError) as caught:
            load(str(self.path))
        self.assertEqual(str(caught.value), f"{self.path}:3: text must be UTF-8")

    def test_no_file(self) -> None:
        """A file that cannot be read is named, with the reason."""
        for path, reason in (
            (self.path, "No such file or directory"),
            (self.folder, "Is a directory"),
        ):
            with pytest.raises(ConfigError) as caught:
                load(str(path))
            self.assertEqual(str(caught.value), f"'{path}' cannot be read: {reason}")


class CacheFileTests(FileTests):
    def cache_file(self, name: str) -> str:
        return self.load(f"[cache]\nfile = '{name}'").cache.file

    def test_beside(self) -> None:
        """A relative path begins at the folder of the configuration."""
        self.assertEqual(self.cache_file("cache"), self.beside("cache"))
        self.assertEqual(self.cache_file("var/cache"), self.beside("var/cache"))

    def test_elsewhere(self) -> None:
        """An absolute path is what it says."""
        self.assertEqual(self.cache_file("/var/cache/dns"), "/var/cache/dns")

    def test_absolute(self) -> None:
        """The path holds wherever the process goes afterwards."""
        self.path.write_text("[cache]\nfile = 'cache'\n")
        relative = os.path.relpath(self.path)
        self.assertFalse(os.path.isabs(relative))
        self.assertEqual(load(relative).cache.file, self.beside("cache"))

    def test_none(self) -> None:
        """Without a name there is no file."""
        self.assertEqual(self.cache_file(""), "")

    def test_impossible_name(self) -> None:
        """A name that no file can have is a ConfigError of its line."""
        message = self.fault('[cache]\nfile = "a\\u0000b"')
        self.assertRegex(message, rf"\A{re.escape(str(self.path))}:2: file = .+\Z")


class CertificateFileTests(FileTests):
    def test_impossible_name(self) -> None:
        """A name that no file can have is a ConfigError, too."""
        message = self.fault("[[upstream]]\nca_file = 'a\\u0000'".replace("'", '"'))
        self.assertEqual(
            message, f"{self.path}:2: ca_file = 'a\\x00' embedded null byte"
        )


class SharedCacheTests(FileTests):
    def test_beside(self) -> None:
        """The files of a shared cache are looked for beside the one that names them."""
        config = self.load(
            "[cache.shared]\nurl = 'redis://10.0.0.1'\nsecret_file = 's'"
        )
        folder = os.path.dirname(self.path)
        expected = Shared(url="redis://10.0.0.1", secret_file=f"{folder}/s")
        self.assertEqual(config.cache.shared, expected)


class SampleTests(FileTests):
    def test_defaults(self) -> None:
        """The sample says what would hold without it."""
        self.assertEqual(load(str(SAMPLE)), DEFAULT)

    def test_shared(self) -> None:
        """The sample for a resolver that many share has a limit on each of them."""
        shared = load(str(SAMPLE.with_name("shared.toml")))
        self.assertGreater(shared.rate_limit.qps, 0)
        self.assertEqual(shared.access.deny, "drop")
        self.assertEqual(
            {str(each) for each in shared.listen}, {"0.0.0.0:53", "[::]:53"}
        )

    def test_every_key(self) -> None:
        """Every key stands in the sample, under a comment that gives the reason."""
        text = SAMPLE.read_text()
        tables = {"upstream", "cache", "shared", "rule", "certificate", *TABLES}
        kinds = (Caching, Shared, *TABLES.values())
        fields = {field for kind in kinds for field in kind.__struct_fields__}
        for key in {*KEYS, *UPSTREAM_KEYS, *RULE_KEYS, *fields} - tables:
            with self.subTest(key=key):
                self.assertRegex(text, rf"(?m)^#.*\n{key} = |^# .*\b{key} = ")

    def test_alternative_listeners(self) -> None:
        """Each of the other listeners that it proposes can be had."""
        for line in re.findall(r"(?m)^# (listen = .*)$", SAMPLE.read_text()):
            with self.subTest(line=line):
                self.assertFalse(self.load(line).listens_by_default)

    def test_certificate(self) -> None:
        """The listeners over TLS that it proposes can be had, with the certificate."""
        listen, examples = SAMPLE.read_text().split("# Both: ")[1].split("\n", 1)
        _, example = examples.split("# The certificate that clients", 1)
        lines = re.findall(r"(?m)^# (\[certificate\]|\w+ = .*)$", example)[:3]
        config = self.load("\n".join([listen, *lines]))
        self.assertEqual(str(config.listen[1]), "tls://192.168.1.1:853")
        folder = "/etc/letsencrypt/live/dns.example.net"
        chain, key = f"{folder}/fullchain.pem", f"{folder}/privkey.pem"
        self.assertEqual(config.certificate, (Certificate(chain, key),))

    def test_several_certificates(self) -> None:
        """Several may be named, and their paths begin beside the file."""
        text = "".join(
            f"[[certificate]]\nchain = '{name}.pem'\nkey = '{name}.key'\n"
            for name in "ab"
        )
        expected = tuple(
            Certificate(self.beside(f"{name}.pem"), self.beside(f"{name}.key"))
            for name in "ab"
        )
        self.assertEqual(self.load(text).certificate, expected)

    def test_alternative_limits(self) -> None:
        """The limit that it proposes for a resolver that many share can be had."""
        [proposed] = re.findall(r"qps = \d+ and burst = \d+", SAMPLE.read_text())
        lines = proposed.replace(" and ", "\n")
        limit = self.load(f"[rate_limit]\n{lines}").rate_limit
        self.assertEqual(limit, RateLimit(qps=50, burst=200))

    def test_alternative_rules(self) -> None:
        """The rules that it proposes can be had, one of each action."""
        (self.folder / "blocklist.txt").touch()
        _, examples = SAMPLE.read_text().split("# What is done by name", 1)
        examples, _ = examples.split("[hosts]", 1)
        lines = re.findall(r"(?m)^# (\[\[rule\]\]|\w+ = .*)$", examples)
        gateway = "[gateway]\nlisten = ['192.0.2.1:443']"
        rules = self.load("\n".join([*lines, gateway])).rule
        self.assertEqual([rule.action for rule in rules], [*SHOWN])

    def test_home(self) -> None:
        """The server in clear that it proposes can be had, beside another."""
        _, example = SAMPLE.read_text().split("# The router of a home network", 1)
        lines = re.findall(r"(?m)^# (\[\[upstream\]\]|\w+ = .*)$", example)[:4]
        rule = "[[rule]]\nnames = ['.home.arpa']\naction = 'forward'\ngroup = 'home'\n"
        router, *others = self.load(rule + "\n".join(lines)).upstream
        self.assertEqual((str(router), router.group), ("udp://192.168.1.1:53", "home"))
        self.assertEqual(others, [*DEFAULT.upstream], "the others stay as they are")
        far = "[[upstream]]\naddress = '192.0.2.1'\n"
        both = self.load(rule + far + "\n".join(lines)).upstream
        self.assertEqual(both, (Upstream(("192.0.2.1",)), router))

    def test_alternative_upstreams(self) -> None:
        """The other upstreams that it proposes can be had."""
        (self.folder / "example-ca.pem").write_text(CERTIFICATE)
        _, examples = SAMPLE.read_text().split("# A server of your own", 1)
        examples, _ = examples.split("# The certificate that clients", 1)
        lines = re.findall(r"(?m)^# (\[\[upstream\]\]|\w+ = .*)$", examples)
        own, looked_up = self.load("\n".join(lines)).upstream
        self.assertEqual(str(own), "tls://192.0.2.53:853#dns.example.net")
        self.assertEqual(len(own.spki_pins), 1)
        self.assertEqual(looked_up.resolvers, (("9.9.9.9", 53), ("2620:fe::fe", 53)))
