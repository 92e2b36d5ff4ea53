"""`pgvigil review` of whole servers, point by point against what was decided by reading the schema.

One is the guide's own shop, two are of our own. What is told beside the lists is an error of ours,
and so is what is missing. Limits are those that everyone has.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from collectors._capabilities import COLUMN_STATISTICS, EXTENDED_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.postgres import PrivateServers, Psql, connected
from tests.fixtures.until import until

SCHEMAS = Path(__file__).with_name("reviewed")
SERVER = {
    ("", "backup_unproved: archive"),
    ("", "durability_off: fsync"),
    ("postgres", "pgss_missing: pg_stat_statements"),
}
"""Of the test's own server, which has no archive and forgets everything in a crash."""
DATED = ("version_eol", "version_minor_outdated")
"""What depends on the day, and on nothing else."""
GUIDE = {
    "fk_without_index: public.order_items (product_id)",
    "fk_without_index: public.product_tags (tag_id)",
    "table_without_pk: public.events",
    "unique_ignores_soft_delete: public.customers_email_key",
}
CLINIC = {
    "column_types: public.appointment_diagnoses.icd_code",
    "column_types: public.appointments.starts_at",
    "column_types: public.bills.total",
    "column_types: public.icd_codes.code",
    "constraint_not_valid: public.bills: positive",
    "fk_type_mismatch: public.prescriptions.appointment_id",
    "fk_without_index: public.appointment_diagnoses (icd_code)",
    "fk_without_index: public.appointments (patient_id)",
    "fk_without_index: public.doctors (clinic_id)",
    "index_duplicate: public.appointments_of_doctor",
    "repeating_columns: public.prescriptions (drug1 …)",
    "security_definer_search_path: public.bill_of(bigint)",
    "status_without_check: public.appointments.status",
    "table_without_pk: public.imports",
    "undocumented_duplicate_column: public.appointments.room",
    "unique_ignores_soft_delete: public.patients_email",
}
FLEET = {
    "fk_duplicate: public.trips (trips_vin_fkey, trips_vin_again)",
    "not_null_pending: public.drivers.phone",
    "shadow_column_leftover: public.vehicles.odometer_new",
}
EXPECTED = {"guide": GUIDE, "clinic": CLINIC, "fleet": FLEET}


async def reviewed(dsn: str) -> set[tuple[str, str]]:
    """The points of a review, with their databases; those of the server have none.

    What may be a step of work that goes on is listed apart, as one look tells no age.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monitor", "review", "--dsn", dsn, "--format", "json"),
        *("--set", "deadline=60s"),  # for busy machines
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    report = json.loads(said)
    return {
        (point["database"] or "", f"{point['finding']}: {point['subject']}")
        for point in (*report["points"], *report["may_be_young"])
        if point["finding"] not in DATED
    }


@pytest.mark.versions(18)
async def test_each_has_what_it_deserves(private_server: PrivateServers, psql: Psql) -> None:
    server = private_server()
    for name in EXPECTED:
        async with connected(server.dsn()) as admin:
            await admin.execute(f"create database {name}")
        for grant in (COLUMN_STATISTICS, EXTENDED_STATISTICS):
            await psql(server.dsn(name), grant.grant.replace("{role}", MONITOR))
        await psql(server.dsn(name), (SCHEMAS / f"{name}.sql").read_text())

    async def whole() -> set[tuple[str, str]] | None:
        """What is told once every database was reached: a busy machine may be too slow at first."""
        told = await reviewed(server.dsn("postgres", MONITOR))
        return None if any("database_unmonitored" in point for _, point in told) else told

    told = await until(whole, "every database is reached", seconds=300) or set()
    wanted = {(name, point) for name, points in EXPECTED.items() for point in points}
    wanted |= SERVER
    assert (told - wanted, wanted - told) == (set(), set())
