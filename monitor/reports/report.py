"""Report of an overview in the chosen format, with its exit status."""

import sys

from monitor.views.overview import Overview


def report(overview: Overview, format: str) -> int:
    """Print the report and return the exit status."""
    import monitor.reports.terminal as reports

    if format == "text":
        from monitor.reports.console import Terminal

        reports.text(overview, Terminal())
    elif format == "line":
        sys.stdout.write(reports.line(overview) + "\n")
    else:
        written = reports.as_json(overview) if format == "json" else reports.markdown(overview)
        sys.stdout.write(written.rstrip() + "\n")
    return reports.exit_status(overview)
