"""The daemon: asks the servers on a schedule, remembers, and shows what was found."""

import sys

# structlog takes rich along wherever it finds it: 4 MiB for tracebacks in colour. What draws
# reports for a terminal imports rich itself.
if not {"rich", "structlog"} & sys.modules.keys():
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del structlog, sys.modules["rich"]
