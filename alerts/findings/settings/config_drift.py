"""Nodes of a cluster with different settings: after a failover the server behaves differently."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from alerts._base import Evidence, Finding, FindingKind, Outcome, Severity
from alerts.cure import literal, remark
from alerts.findings.settings._rows import by_name
from alerts.limits import BaseLimits
from alerts.setting_owner import LISTS, change
from alerts.snapshot import Snapshot
from collectors._base import Role
from collectors._sizes import VALUE_BYTES
from collectors.settings import Setting, settings

OF_A_NODE = frozenset(
    {
        "archive_cleanup_command",
        "archive_command",
        "archive_mode",
        "cluster_name",
        "config_file",
        "data_directory",
        "data_directory_mode",
        "external_pid_file",
        "hba_file",
        "ident_file",
        "listen_addresses",
        "log_directory",
        "log_filename",
        "port",
        "primary_conninfo",
        "primary_slot_name",
        "promote_trigger_file",
        "recovery_end_command",
        "recovery_min_apply_delay",
        "restore_command",
        "synchronous_standby_names",
        "synchronized_standby_slots",
        "hot_standby_feedback",
        "unix_socket_directories",
        "unix_socket_group",
    }
)
"""Settings that differ from node to node on purpose."""
TOLD_BY_THE_SERVER = "internal"
"""Context of settings that tell what the server is or does at the moment."""
VERSIONED = ("server_version", "server_version_num")


@dataclass(frozen=True, slots=True)
class Limits(BaseLimits):
    """Nothing to set: values are equal or they are not."""


def judge(snapshot: Snapshot, limits: Limits) -> Iterator[Outcome]:
    own = by_name(snapshot)
    for peer in snapshot.peers:
        if peer.node.version != snapshot.node.version or not peer.has(settings):
            continue  # in the middle of an upgrade they differ on purpose
        theirs = by_name(peer)
        for name in sorted(own.keys() & theirs.keys()):
            if differs(own[name], theirs[name]):
                yield evidence(snapshot, peer, own[name], theirs[name])


def differs(one: Setting, other: Setting) -> bool:
    if one.name in OF_A_NODE or one.context == TOLD_BY_THE_SERVER or one.name in VERSIONED:
        return False
    # A transaction on a standby is read-only, whatever the setting.
    if one.name in ("transaction_read_only", "default_transaction_read_only"):
        return False
    values = (one.setting, other.setting)
    return None not in values and one.setting != other.setting


def evidence(snapshot: Snapshot, peer: Snapshot, own: Setting, their: Setting) -> Evidence:
    value = own.setting or ""
    unit = f" {own.unit}" if own.unit else ""
    return Evidence(
        subject=f"{own.name} on {peer.node.server}",
        severity=Severity.info,
        value=1,
        message=(
            f"{own.name} is {value or 'empty'}{unit} on the primary and"
            f" {their.setting or 'empty'}{unit} on {peer.node.server}: after a failover it changes."
        ),
        facts=_facts(own, their, peer),
        cure=cure(own, peer),
        check=f"SHOW {own.name};",
        key=f"{own.name}@{peer.node.server}",
    )


def _facts(own: Setting, their: Setting, peer: Snapshot) -> Mapping[str, str | None]:
    return {
        "primary_value": own.setting,
        "other_value": their.setting,
        "other_server": peer.node.server,
        "primary_source": own.sourcefile or own.source,
        "other_source": their.sourcefile or their.source,
    }


def cure(own: Setting, peer: Snapshot) -> tuple[str, ...]:
    if len((own.setting or "").encode()) >= VALUE_BYTES:
        return (remark("Decide which value is right: they are too long to be shown here."),)
    return (
        remark(f"Decide which value is right. To have the primary's on {peer.node.server}:"),
        *change(peer, own.name, _printed(own)),
    )


def _printed(row: Setting) -> str:
    """Return the value, a number in the unit of the setting, a text or a word as a literal."""
    value = row.setting or ""
    is_text = row.vartype in ("string", "enum") and row.name not in LISTS
    return literal(value) if is_text else value


finding = Finding(
    title="Settings differ between nodes",
    severities=(Severity.info,),
    reads=(settings,),
    limits=Limits(),
    judge=judge,
    on=Role.primary,
    kind=FindingKind.review,
)
