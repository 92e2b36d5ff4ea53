"""Findings about security at the edges of their limits and words, by hand-made rows."""

from dataclasses import replace
from typing import Any

import pytest

from alerts._base import AnyFinding, Evidence, Severity, State
from alerts.findings.security import (
    certificate_expiry,
    security_definer_search_path,
    security_hba_trust,
    security_md5_passwords,
    security_monitor_overprivileged,
    security_no_tls,
    security_password_expiry,
    security_public_create,
    security_superusers,
    security_untrusted_function,
    web_certificate_expiry,
)
from collectors._base import AnyCollector
from collectors.activity import activity
from collectors.certificate import Certificate, certificate
from collectors.daemon import DaemonState, daemon
from collectors.definer_functions import definer_functions
from collectors.hba_rules import HbaRule, hba_rules
from collectors.own_role import own_role
from collectors.public_schemas import PublicSchema, public_schemas
from collectors.roles import DatabaseRole, roles
from collectors.settings import Setting, settings
from collectors.tls_sessions import TlsSessions, tls_sessions
from tests.findings.security.test_security_definer_search_path import ROW as DEFINER
from tests.findings.security.test_security_monitor_overprivileged import PLAIN
from tests.findings.security.test_security_untrusted_function import UNTRUSTED
from tests.findings.settings.setting_rows import setting
from tests.fixtures.lock_rows import filled
from tests.fixtures.one_look import verdict_of
from tests.fixtures.session_rows import AT, seen, sessions

DAY = 86_400.0
RDS = setting("rds.extensions", "", context="internal", vartype="string")
CLOUD_NATIVE_PG = setting("unix_socket_directories", "/controller/run", vartype="string")


def told(finding: AnyFinding, *answers: tuple[AnyCollector, Any]) -> list[Evidence]:
    return [subject.evidence for subject in verdict_of(finding, seen(*answers)).subjects]


def of_certificate(left: float, *known: Setting) -> Evidence:
    row = Certificate(True, AT + left)
    [one] = told(certificate_expiry.finding, (certificate, [row]), (settings, known))
    return one


def test_words_about_a_certificate() -> None:
    coming, past = of_certificate(2 * DAY), of_certificate(-2 * DAY)
    assert "expires in 2 days (2023-11-16" in coming.message
    assert "expired 2 days ago (2023-11-12" in past.message
    assert "expired 0 s ago" in of_certificate(0.0).message
    assert coming.facts["left_seconds"] == 2 * DAY
    hidden = verdict_of(certificate_expiry.finding, seen((certificate, [Certificate(False, None)])))
    assert hidden.unjudged[0].setting == "sslmode"
    unread = verdict_of(certificate_expiry.finding, seen((certificate, [Certificate(True, None)])))
    assert unread.unjudged[0].setting is None
    state = DaemonState(1, 0, 60.0, certificate_expires=AT + 2 * DAY)
    [own] = told(web_certificate_expiry.finding, (daemon, [state]))
    assert own.value == 2 * DAY


def test_who_renews_a_certificate() -> None:
    file = setting("ssl_cert_file", "/tls/server.crt", vartype="string")
    assert "in place of /tls/server.crt" in of_certificate(DAY, file).cure[0]
    assert "in place of ssl_cert_file" in of_certificate(DAY).cure[0]
    hidden = replace(file, setting=None)
    assert "in place of ssl_cert_file" in of_certificate(DAY, hidden).cure[0]
    assert "The provider renews it" in of_certificate(DAY, RDS).cure[0]
    assert "CloudNativePG renews it" in of_certificate(DAY, CLOUD_NATIVE_PG).cure[0]
    [one] = told(certificate_expiry.finding, (certificate, [Certificate(True, AT + DAY)]))
    assert "SELECT pg_catalog.pg_reload_conf();" in one.cure, "settings are only consulted"


def of_hba(*known: Setting, **given: Any) -> list[Evidence]:
    about = {"may_read": True, "line": 9, "type": "host", "address": "10.0.0.0", "file": "/hba"}
    row = filled(HbaRule, **about | {"method": "trust", "users": "all"} | given)
    rows: list[tuple[AnyCollector, Any]] = [(hba_rules, [row])]
    return told(security_hba_trust.finding, *rows, *([(settings, known)] if known else []))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "without any proof"),
        ({"method": "password"}, "for the password in clear"),
        ({"method": "password", "type": "hostnossl"}, "for the password in clear"),
        ({"method": "password", "type": "hostssl"}, None),
        ({"method": "password", "type": "hostgssenc"}, None),
        ({"method": "password", "asks_certificate": True}, "for the password in clear"),
        ({"asks_certificate": True}, None),
        ({"method": "md5"}, None),
        ({"type": "local"}, None),
        ({"address": None}, None),
        ({"method": "password", "address": "127.0.0.1"}, None),
    ],
)
def test_lines_that_let_in(given: dict[str, Any], words: str | None) -> None:
    found = of_hba(**given)
    assert bool(found) is bool(words)
    assert all(words in one.message for one in found if words)
    assert all(one.subject == "/hba:9" for one in found)


def test_who_writes_pg_hba() -> None:
    [plain] = of_hba(file=None)
    assert plain.subject == "pg_hba.conf:9"
    assert len(plain.cure) == 3
    assert len(of_hba(CLOUD_NATIVE_PG)[0].cure) == 4
    unread = verdict_of(
        security_hba_trust.finding, seen((hba_rules, [HbaRule(False, *[None] * 9)]))
    )
    assert unread.unjudged[0].subject == "pg_hba.conf"


def test_functions_and_their_owners() -> None:
    row = replace(DEFINER, is_owned_by_superuser=False, owner="app")
    [one] = told(security_definer_search_path.finding, (definer_functions, [row]))
    assert "the superuser" not in one.message
    row = replace(DEFINER, is_owned_by_superuser=True, owner="root")
    [one] = told(security_definer_search_path.finding, (definer_functions, [row]))
    assert "the superuser root" in one.message
    assert one.subject == "public.f()" or "(" in one.subject
    [other] = told(security_untrusted_function.finding, (definer_functions, [UNTRUSTED]))
    assert "(" in other.subject


def test_the_setting_of_hashes_alone_is_read() -> None:
    rows = [setting("jit", "md5"), setting("password_encryption", "scram-sha-256", vartype="enum")]
    assert not told(security_md5_passwords.finding, (settings, rows))
    without = verdict_of(security_md5_passwords.finding, seen((settings, rows[:1])))
    assert without.subjects == ()


def test_rights_that_are_given_back() -> None:
    """Each in a statement of its own kind, after what makes up for them."""
    held: dict[str, Any] = {"held": ["a;b", "c"], "granted_by": ["", "o'dd"]}
    row = replace(PLAIN, may_create_roles=True, may_replicate=True, writes_by=["d"], **held)
    [one] = told(security_monitor_overprivileged.finding, (own_role, [row]))
    first, second, *statements = one.cure
    assert "setup-sql" in first
    assert "a role of its own" in second
    assert statements == [
        "ALTER ROLE pgvigil NOCREATEROLE NOREPLICATION;",
        'REVOKE "a;b" FROM pgvigil;',
        'REVOKE c FROM pgvigil GRANTED BY "o\'dd";',
    ]
    only = replace(PLAIN, writes_by=["c"], held=["c"], granted_by=[""])
    [member] = told(security_monitor_overprivileged.finding, (own_role, [only]))
    assert member.cure[2:] == ("REVOKE c FROM pgvigil;",)
    assert "owner of" not in member.message
    [owner] = told(
        security_monitor_overprivileged.finding, (own_role, [replace(PLAIN, owned_databases=1)])
    )
    assert "owner of 1 database" in owner.message
    assert len(owner.cure) == 3


def plain(count: int, **traits: Any) -> list[Evidence]:
    rows = [TlsSessions("none", "", "", count)]
    return told(
        security_no_tls.finding,
        (tls_sessions, rows),
        (activity, sessions(2, **{"client_addr": "127.0.0.1"} | traits)),
    )


def test_sessions_of_the_machine_itself_are_taken_away() -> None:
    assert plain(3)[0].value == 1
    assert plain(3, backend_type="walsender")[0].value == 1
    assert plain(3, backend_type="parallel worker")[0].value == 3
    assert plain(3, client_addr="10.0.0.1")[0].value == 3
    assert plain(3, client_addr=None)[0].value == 3
    assert not plain(2)


def expiring(left: float, count: int = 0, **traits: Any) -> list[Evidence]:
    row = DatabaseRole("app", -1, True, False, False, valid_until=AT + left)
    rows = sessions(count, **traits)
    return told(security_password_expiry.finding, (roles, [row]), (activity, rows))


def test_a_password_at_its_limits() -> None:
    assert expiring(3 * DAY, 1)[0].severity is Severity.warning
    assert expiring(3 * DAY - 1, 1)[0].severity is Severity.critical
    assert expiring(-30 * DAY), "a month ago is not long ago yet"
    [unused] = expiring(DAY, 1, backend_type="parallel worker")
    assert unused.severity is Severity.warning, "a worker is no session of a client"


def test_words_about_a_password() -> None:
    [none] = expiring(DAY)
    assert "expires in 1 day; it has no session now." in none.message
    [one] = expiring(-DAY, 1)
    assert "expired 1 day ago; 1 session of it is present, and can't come back" in one.message
    [two] = expiring(-DAY, 2)
    assert "2 sessions of it are present" in two.message
    [now] = expiring(0.0)
    assert "expired 0 s ago" in now.message


def test_a_schema_in_which_all_may_create() -> None:
    row = filled(PublicSchema, datname="shop", schemaname="public")
    [one] = told(security_public_create.finding, (public_schemas, [row]))
    assert one.subject == "public"
    assert one.severity in security_public_create.finding.severities


def test_an_application_without_a_name() -> None:
    row = DatabaseRole("app", -1, True, True, False)
    for name in (None, ""):
        rows = sessions(2, client_addr="10.0.0.9", application_name=name)
        [one] = told(security_superusers.finding, (roles, [row]), (activity, rows))
        assert one.subject == "app (no application name)"
        assert one.facts["application"] == ""
    named = sessions(2, client_addr="10.0.0.9", application_name="web")
    [one] = told(security_superusers.finding, (roles, [row]), (activity, named))
    assert one.subject == "app (web)"
    nobody = sessions(2, client_addr="10.0.0.9", usename=None)
    healthy = verdict_of(security_superusers.finding, seen((roles, [row]), (activity, nobody)))
    assert healthy.state is State.healthy
