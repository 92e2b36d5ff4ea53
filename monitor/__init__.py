"""The daemon: queries servers on a schedule, judges the rows, and serves the results."""

from monitor.lean_imports import nothing, without

# structlog imports rich if it is installed: 4 MiB for tracebacks in colour. The reports for a
# terminal import it themselves.
with without({"rich": nothing()}):
    import structlog  # noqa: F401
