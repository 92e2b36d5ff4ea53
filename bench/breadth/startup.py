"""Start-up of `pgvigil run` until it would watch: prints its CPU time and memory as JSON.

python -m bench.breadth.startup [MODULE], where a module is imported in addition, at the end.
"""

import json
import os
import sys
from importlib import import_module

from bench.processes import resident_bytes


def main() -> None:
    from monitor.cli import needed_commands, parser_for
    from monitor.commands.run import read

    arguments = ["run", "--dsn", "postgresql://pgvigil@localhost/postgres"]
    known = parser_for(needed_commands(arguments)).parse_args(arguments)

    from monitor.daemon import Daemon

    found = read(known)
    Daemon(found, load=lambda: found)
    for name in sys.argv[1:]:
        import_module(name)
    times = os.times()
    seconds = times.user + times.system + times.children_user + times.children_system
    resident, _ = resident_bytes(os.getpid())
    print(json.dumps({"seconds": seconds, "resident": resident}))


if __name__ == "__main__":
    main()
