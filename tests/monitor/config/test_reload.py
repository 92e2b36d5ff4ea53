"""Reload: servers whose settings did not change keep their sessions."""

from dataclasses import replace
from pathlib import Path

from monitor.config.configuration import Configuration, configuration
from monitor.config.load import load
from monitor.config.reload import needs_a_restart, stamps, watched_files
from monitor.config.servers import WatchedServer


def configured(file: Path, text: str) -> tuple[Configuration, dict[str, WatchedServer]]:
    file.write_text(text)
    settings = load({"config": str(file)}, {"PGUSER": "u"})
    found = configuration(settings, {"PGUSER": "u"})
    return found, {plan.name: plan.target for plan in found.servers}


def equal(old: dict[str, WatchedServer], new: dict[str, WatchedServer]) -> list[str]:
    """Names of the servers that keep their sessions and history."""
    return [name for name in old if new.get(name) == old[name]]


def test_servers_with_equal_settings_stay(tmp_path: Path) -> None:
    """One server stays, one has changed settings, one is removed and one is added."""
    file = tmp_path / "pgvigil.yaml"
    _, old = configured(file, "servers: {a: {dsn: host=a}, b: {dsn: host=b}, c: {dsn: host=c}}")
    text = "servers: {d: {dsn: host=d}, b: {dsn: host=x}, a: {dsn: host=a}}\npaces: {fast: 2s}"
    assert equal(old, configured(file, text)[1]) == ["a"]


def test_a_change_of_general_databases_concerns_servers_without_their_own(tmp_path: Path) -> None:
    """Plans are compared by their resolved values."""
    file = tmp_path / "pgvigil.yaml"
    servers = "servers: {a: {dsn: host=a}, b: {dsn: host=b, databases: {include: x}}}"
    _, old = configured(file, servers)
    _, new = configured(file, f"{servers}\ndatabases: {{exclude: old_*}}")
    assert equal(old, new) == ["b"]


def test_what_only_a_restart_brings_into_force_is_named(tmp_path: Path) -> None:
    """Settings that need a restart are reported."""
    file = tmp_path / "pgvigil.yaml"
    old, _ = configured(file, "dsn: host=a")
    new, _ = configured(file, "dsn: host=a\nlisten: 127.0.0.1:0\nbudget: 2%")
    assert needs_a_restart(old, new) == ("listen",)
    # What is served is decided once: pages that were switched off are served until then.
    less = replace(old, pages=not old.pages, subjects_shown=3, legacy_metrics=False)
    assert needs_a_restart(old, less) == ("pages", "subjects_shown", "legacy_metrics")


def test_a_changed_file_is_seen_through_a_link(tmp_path: Path) -> None:
    """Kubernetes replaces the target of a symbolic link; the stamp changes."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pgvigil.yaml").write_text("dsn: host=a")
    current = tmp_path / "current"
    current.symlink_to("one")
    settings = load({"config": str(current / "pgvigil.yaml")}, {"PGUSER": "u"})
    known = configuration(settings, {"PGUSER": "u"})
    before = stamps(watched_files(known))
    assert stamps(watched_files(known)) == before
    current.unlink()
    assert stamps(watched_files(known)) == {current / "pgvigil.yaml": None}
    current.symlink_to("two")
    assert stamps(watched_files(known)) != before
