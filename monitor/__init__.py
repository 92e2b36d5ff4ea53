"""The daemon: queries servers on a schedule, judges the rows, and serves the results."""

import sys

# structlog imports rich if it is installed: 4 MiB for tracebacks in colour. So rich is hidden
# while structlog is imported; the reports for a terminal import rich themselves.
if not {"rich", "structlog"} & sys.modules.keys():
    sys.modules["rich"] = None  # type: ignore[assignment]
    import structlog

    del structlog, sys.modules["rich"]
