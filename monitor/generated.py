"""Every file that is generated and committed, and what produces it."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from alerts._catalogue import all_findings
from alerts.rulebook import RUNBOOK_BASE, rulebook
from collectors._base import Lane
from monitor.configuration.documentation import configuration_page
from monitor.settings import Paces, settings_for


def rules_page(runbook_base: str = RUNBOOK_BASE) -> str:
    """The rules of Prometheus, for the paces that lanes have by default."""
    return rulebook(default_paces(), runbook_base)


def default_paces() -> dict[Lane, timedelta]:
    paces = Paces()
    return {lane: getattr(paces, lane) for lane in Lane}


def settings_page() -> str:
    limits = {name: finding.limits for name, finding in all_findings().items()}
    return configuration_page(settings_for(limits))


def dashboard_page() -> str:
    # What builds dashboards is there for development only; the JSON is what ships.
    from grafana.overview import overview

    return overview()


GENERATED: Mapping[str, Callable[[], str]] = {
    "alerts/rules/pgvigil.yml": rules_page,
    "grafana/dashboards/pgvigil.json": dashboard_page,
    "docs/configuration.md": settings_page,
}


def render_all(root: Path) -> list[Path]:
    """Write what is not as it should be; returns those files."""
    changed = stale(root)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GENERATED[str(path.relative_to(root))](), encoding="utf-8")
    return changed


def stale(root: Path) -> list[Path]:
    """Generated files that are missing or differ from what would be written now."""
    return [root / path for path, text in GENERATED.items() if _read(root / path) != text()]


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
