"""An origin as the world has them: nginx, with several names on one port."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dotproxy.lab.certificates import Authority, Issued, Leaf
from tests.functional.processes import Process, Stage, free_port, program

MAIN = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 500; }}
http {{
  access_log off;
  default_type text/plain;
  client_max_body_size 0;
  client_body_temp_path {folder}/bodies;
  proxy_temp_path {folder}/proxied;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{servers}}}
"""
"""It stays in the foreground, and writes nowhere else."""

SERVER = """\
  server {{
    listen 127.0.0.1:{port} ssl http2;
    server_name {name};
    ssl_certificate {folder}/chain.pem;
    ssl_certificate_key {folder}/key.pem;
    location = / {{ return 200 "$ssl_server_name $server_protocol\\n"; }}
    location /files/ {{ alias {folder}/files/; dav_methods PUT; }}
  }}
"""


@dataclass(frozen=True)
class Site:
    """One of the names: its certificate, and the folder with its files."""

    issued: Issued
    folder: Path

    @property
    def files(self) -> Path:
        """What is to be had from /files/, and where uploads go."""
        return self.folder / "files"

    @property
    def certificate(self) -> str:
        """Its own certificate, as PEM."""
        text = self.issued.chain_pem.decode()
        return text[: text.index("-----END") + len("-----END CERTIFICATE-----")]


@dataclass(frozen=True)
class Nginx:
    """A web server on `port` of 127.0.0.1, and the authority to trust."""

    process: Process
    port: int
    ca_file: Path
    sites: dict[str, Site]


def start_nginx(stage: Stage, names: Sequence[str]) -> Nginx:
    """Start one that has a certificate of its own for each name.

    The page of each says the name, as it was asked for in the hello, and the version of
    HTTP.
    """
    path, port = program("nginx"), free_port()
    folder = Path(tempfile.mkdtemp(prefix="nginx-", dir=stage.folder))
    authority = Authority.create("authority of nginx", datetime.now(UTC))
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(authority.pem)
    sites = {name: _prepare(folder / name, authority, name) for name in names}
    servers = "".join(
        SERVER.format(port=port, name=name, folder=site.folder)
        for name, site in sites.items()
    )
    config = folder / "nginx.conf"
    config.write_text(MAIN.format(folder=folder, servers=servers))
    words = ["-e", "stderr", "-p", str(folder), "-c", str(config)]
    process = Process(stage, [path, *words])
    process.wait_for("OS: ")
    return Nginx(process, port, ca_file, sites)


def _prepare(folder: Path, authority: Authority, name: str) -> Site:
    """Write down what the server has to find for one of its names."""
    site = Site(authority.issue(Leaf((name,))), folder)
    site.files.mkdir(parents=True)
    (folder / "chain.pem").write_bytes(site.issued.chain_pem)
    (folder / "key.pem").write_bytes(site.issued.key_pem)
    return site
