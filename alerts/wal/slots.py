"""Replication slots: who uses one, how to start its consumer, and what its loss would cost."""

import re

from alerts.cure import equals, identifier, literal, remark
from alerts.setting_owner import SettingOwner, owner_of
from alerts.snapshot import Snapshot
from collectors.replication_slots import Slot
from collectors.settings import settings
from collectors.wal_receiver import wal_receiver

PGOUTPUT = "pgoutput"
OF_OPERATOR = "_cnpg_"
"""Prefix of the slots that CloudNativePG makes for its standbys."""
OF_COPY = re.compile(r"pg_[0-9]+_sync_[0-9]+_[0-9]+")
"""Names of the slots by which a subscription copies a table; each ends with its copy."""
OF_STANDBY = (
    "the standby that used it must be rebuilt with pg_basebackup, unless its archive has the WAL"
)
OF_SUBSCRIBER = "the subscriber must copy all its tables again"
OF_CONSUMER = "the consumer must read a full snapshot again, and misses what changed in between"


def is_of_copy(slot: Slot) -> bool:
    return OF_COPY.fullmatch(slot.slot_name) is not None


def check(slot: Slot) -> str:
    return (
        "SELECT slot_name, slot_type, active, wal_status, safe_wal_size, restart_lsn FROM"
        f" pg_catalog.pg_replication_slots WHERE {equals('slot_name', literal(slot.slot_name))};"
    )


def member_of(snapshot: Snapshot, slot: Slot) -> str | None:
    """Return the node of this cluster that a physical slot belongs to, if that is known.

    Cluster managers name slots after members, and make one again that was dropped.
    """
    if slot.slot_type != "physical":
        return None
    for peer in snapshot.peers:
        link = peer.rows(wal_receiver) if peer.has(wal_receiver) else ()
        if any(row.slot_name == slot.slot_name for row in link):
            return peer.node.server
        if _as_slot(peer.node.server) == slot.slot_name:
            return peer.node.server
    if slot.slot_name.startswith(OF_OPERATOR):
        return slot.slot_name.removeprefix(OF_OPERATOR)
    known = snapshot.rows(settings) if snapshot.has(settings) else ()
    if owner_of({row.name: row for row in known}) is SettingOwner.patroni:
        return slot.slot_name
    return None


def _as_slot(server: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in server.lower())


def loss_of(slot: Slot) -> str:
    """Return what a drop of this slot costs, as the end of a sentence."""
    if slot.slot_type == "physical":
        return OF_STANDBY
    return OF_SUBSCRIBER if slot.plugin == PGOUTPUT else OF_CONSUMER


def start_consumer(snapshot: Snapshot, slot: Slot) -> tuple[str, ...]:
    """Return how to start what reads this slot."""
    name = slot.slot_name
    if slot.slot_type == "physical":
        member = member_of(snapshot, slot)
        who = f"{member}, whose slot it is" if member else "the standby or pg_receivewal"
        more = "" if member else f" that has primary_slot_name = '{name}' (or --slot={name})"
        return (remark(f"First start the consumer: {who}{more}. It goes on where it stopped."),)
    if slot.plugin == PGOUTPUT:
        return (
            remark("First start the consumer: on the subscriber, look into its log, and at"),
            remark("logical_apply_errors there. If the subscription is only disabled, there:"),
            remark(
                f"ALTER SUBSCRIPTION {identifier(name)} ENABLE; (if it is called like its slot)"
            ),
        )
    return (
        remark(f"First start the consumer: the connector that reads {slot.datname} by the plugin"),
        remark(f"{slot.plugin}. It goes on where it stopped."),
    )


def give_up(snapshot: Snapshot, slot: Slot) -> tuple[str, ...]:
    """Return how to drop the slot, as advice only; nothing where it must not be dropped."""
    member = member_of(snapshot, slot)
    if slot.synced:
        return (remark("It is a copy of the primary's slot, and ends with that one."),)
    if member:
        return (
            remark(f"Don't drop it: it belongs to {member}, a node of this cluster. If that"),
            remark("node is gone for good, remove it from the cluster, which removes the slot."),
        )
    return (
        remark(f"Only if its consumer is gone for good, drop it; after that {loss_of(slot)}:"),
        remark(f"SELECT pg_catalog.pg_drop_replication_slot({literal(slot.slot_name)});"),
    )


def no_shortcut() -> tuple[str, ...]:
    return (
        remark("A smaller max_slot_wal_keep_size is no way out: it loses the slot at the next"),
        remark("checkpoint, which is the same loss."),
    )
