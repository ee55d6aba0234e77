"""What the files of the rules hold, and what of them could not be read."""

from dotproxy.cli.check.findings import ListFindings
from dotproxy.config.model import Config, ConfigError
from dotproxy.local.hosts import HostsFile
from dotproxy.local.name_list import FAULTS, ListFile


def read_lists(config: Config) -> list[ListFindings]:
    """Read each list of each rule, then the hosts files; a million names take seconds.

    It touches nothing but files, so it may run in a thread.  Raises ConfigError if one
    cannot be read.
    """
    try:
        lists = [
            _list(path, number)
            for number, rule in enumerate(config.rule, 1)
            for path in rule.files
        ]
        return [*lists, *map(_hosts, config.hosts.files)]
    except OSError as fault:
        rule = f"cannot be read: {fault.strerror}"
        raise ConfigError(str(fault.filename), rule) from None


def _list(path: str, rule: int) -> ListFindings:
    listed = ListFile.read(path).listed
    exceptions = len(listed.except_names) + len(listed.except_suffixes)
    return ListFindings(
        file=path,
        rule=rule,
        listed=len(listed) - exceptions,
        exceptions=exceptions,
        for_browsers=listed.foreign,
        bad_lines=listed.bad,
        faults=listed.faults,
    )


def _hosts(path: str) -> ListFindings:
    hosts = HostsFile.read(path)
    names = {name for name, _, _ in hosts.said}
    return ListFindings(
        file=path,
        rule=None,
        listed=len(names),
        bad_lines=len(hosts.faults),
        faults=hosts.faults[:FAULTS],
    )
