"""Run with `twistd -ny dotproxy.tac`; flags stand in DOTPROXY_FLAGS, if any.

For example: DOTPROXY_FLAGS="--config /etc/dotproxy/dotproxy.toml"
"""

import os
import shlex

from twisted.application.service import Application

from dotproxy.service import Options, makeService

options = Options()
options.parseOptions(shlex.split(os.environ.get("DOTPROXY_FLAGS", "")))

application = Application("dotproxy")
makeService(options).setServiceParent(application)
