"""Start-up of `pgvigil run` until it would watch: prints its CPU time and memory as JSON.

python -m bench.breadth.startup [MODULE], where a module is imported in addition, at the end.
"""

import json
import os
import sys
import time
from importlib import import_module

from bench.processes import resident_bytes


def main() -> None:
    from monitor.cli import needed_commands, parser_for
    from monitor.commands._base import settings_of

    arguments = ["run", "--dsn", "postgresql://pgvigil@localhost/postgres"]
    known = parser_for(needed_commands(arguments)).parse_args(arguments)
    settings = settings_of(known)

    from monitor.daemon import Daemon

    Daemon(settings, load=lambda: settings)
    for name in sys.argv[1:]:
        import_module(name)
    seconds, (resident, _) = time.process_time(), resident_bytes(os.getpid())
    print(json.dumps({"seconds": seconds, "resident": resident}))


if __name__ == "__main__":
    main()
