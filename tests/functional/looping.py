"""A resolver that asks the one who asks it: the shortest of loops."""

import tempfile
from pathlib import Path

from tests.functional.peers import Certificates, Peer
from tests.functional.processes import Process, Stage, free_port, program

CONFIG = """\
server:
  do-daemonize: no
  use-syslog: no
  chroot: ""
  username: ""
  pidfile: ""
  directory: "{folder}"
  interface: 127.0.0.1@{plain}
  interface: 127.0.0.1@{port}
  tls-port: {port}
  tls-service-pem: chain.pem
  tls-service-key: key.pem
  module-config: "iterator"
  do-not-query-localhost: no
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: "{folder}/control"
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{asked}
"""


def start_looping(stage: Stage, asked: int) -> Peer:
    """Start an unbound that asks a port of 127.0.0.1 whatever it is asked itself."""
    folder = Path(tempfile.mkdtemp(prefix="looping-", dir=stage.folder))
    certificates, port, plain = Certificates.create(folder), free_port(), free_port()
    config = folder / "unbound.conf"
    config.write_text(CONFIG.format(folder=folder, port=port, plain=plain, asked=asked))
    process = Process(stage, [program("unbound"), "-d", "-c", str(config)])
    process.wait_for("start of service")
    return Peer("looping", process, certificates, port, plain=plain)
