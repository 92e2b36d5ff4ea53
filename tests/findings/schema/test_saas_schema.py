"""A schema of 47 tables of a software company: planted faults, and what only looks like one.

Everything that is judged about a database is judged; what is told beside the planted faults is an
error of ours, and so is what is missing.
"""

from collections.abc import Mapping

import pytest

from alerts._base import AnyFinding, Reach
from alerts._catalogue import all_findings
from alerts.history.recorder import Recorder
from collectors._base import Kind
from collectors._capabilities import COLUMN_STATISTICS, EXTENDED_STATISTICS
from tests.fixtures.farm import MONITOR
from tests.fixtures.one_look import look, verdict_of, watching
from tests.fixtures.postgres import Database
from tests.fixtures.until import until

PLAIN = """
    plans features currencies countries timezones locales roles permissions webhooks api_clients
    email_templates notification_kinds experiments holidays tax_rates
"""
"""Small tables that are all alike: a key, a code that is unique, a name."""
SCHEMA = """
    create schema app; set search_path = app;
    create table accounts (id bigint generated always as identity primary key,
        name text not null, country text not null references countries (code),
        billing_state text, billing_city text, weight double precision,
        tier text not null check (tier in ('free', 'pro', 'enterprise')),
        deleted_at timestamptz, created_at timestamptz not null default now());
    create index on accounts (country);
    create unique index accounts_live_name on accounts (name) where deleted_at is null;

    create table users (id bigint generated always as identity primary key,
        account_id bigint not null references accounts, email text not null,
        phone1 text, phone2 text, phone3 text,
        locale text references locales (code), tags text[], deleted_at timestamptz,
        last_seen timestamp);
    create index on users (account_id);
    create index on users (locale);
    create index users_tags on users (tags);
    create unique index users_email on users (email);

    create table addresses (id bigint generated always as identity primary key,
        account_id bigint not null references accounts,
        address_line1 text not null, address_line2 text, city text, state text, zip text);
    create index on addresses (account_id, city);

    create table memberships (account_id bigint not null references accounts,
        user_id bigint not null references users, role text not null references roles (code),
        primary key (account_id, user_id));
    create index on memberships (user_id);
    create index on memberships (role);

    create type subscription_status as enum ('trial', 'active', 'past_due', 'cancelled');
    create table subscriptions (id bigint generated always as identity primary key,
        account_id bigint not null references accounts, plan text not null references plans (code),
        status subscription_status not null, started_at timestamptz not null);
    create index subscriptions_account on subscriptions (account_id);
    create index subscriptions_account_plan on subscriptions (account_id, plan);
    create index on subscriptions (plan);

    create table invoices (id bigint generated always as identity primary key,
        subscription_id bigint not null references subscriptions,
        account_id bigint not null references accounts, status text not null, vat_number text,
        filler text,
        total_cents bigint not null check (total_cents >= 0), issued_at timestamptz not null);
    create index on invoices (account_id);
    create index invoices_issued on invoices (issued_at);
    create index invoices_issued_again on invoices (issued_at);

    create table invoice_lines (id bigint generated always as identity primary key,
        invoice_id bigint not null references invoices, line_no int not null,
        issued_at timestamptz, vat_number text, description text, amount double precision,
        unit_cents bigint not null, total_cents bigint not null, unique (invoice_id, line_no));
    comment on column invoice_lines.total_cents is 'What was charged, whatever changes later.';

    create table payments (id bigint generated always as identity primary key,
        invoice_id int not null references invoices, state text not null
            check (state in ('new', 'done')), reference char(12), paid_at timestamptz);
    create index on payments (invoice_id);

    create table refunds (id bigint generated always as identity primary key,
        payment_id bigint not null, reason text,
        constraint refunds_payment foreign key (payment_id) references payments,
        constraint refunds_payment_again foreign key (payment_id) references payments);
    create index on refunds (payment_id);

    create table projects (id bigint generated always as identity primary key,
        account_id bigint not null references accounts, parent_id bigint references projects,
        owner_id bigint, title text, check (owner_id is not null));
    create index on projects (account_id);
    create index on projects (parent_id);
    alter table projects add constraint title_set check (length(title) > 0) not valid;

    create table tasks (id bigint generated always as identity primary key,
        project_id bigint not null references projects, title text not null,
        due_on date, done boolean not null default false, position int,
        duration interval, latitude double precision, longitude double precision);
    create index on tasks (project_id) where not done;
    create index tasks_project on tasks (project_id, due_on);
    create index on tasks (lower(title));
    create function touch() returns trigger language plpgsql as 'begin return new; end';
    create trigger tasks_touch before update on tasks for each row execute function touch();
    alter table tasks disable trigger tasks_touch;
    create trigger projects_touch before update on projects for each row execute function touch();

    create table labels (id smallint generated always as identity primary key,
        name text not null unique);
    create table task_labels (task_id bigint not null references tasks,
        label_id smallint not null references labels, primary key (task_id, label_id));
    create index on task_labels (label_id);

    create table attachments (id uuid primary key default gen_random_uuid(),
        task_id bigint not null references tasks, size_bytes bigint, price_old int, price int,
        kind text, kind_new int);
    create index on attachments (task_id);

    create table quarters (id int primary key, q1 numeric not null, q2 numeric not null,
        q3 numeric not null, q4 numeric not null);
    create table staging_import (line text);
    create table legacy_log (message text, at timestamptz);
    create unlogged table job_queue (id bigint generated always as identity primary key,
        payload jsonb not null, run_at timestamptz not null);
    create index on job_queue using gin (payload);
    create table counters (id serial primary key, name text);
    alter table counters alter id type bigint;
    create table sessions (id bigint generated always as identity primary key,
        user_id bigint not null references users, token text not null unique,
        expires_at timestamptz not null);
    create index on sessions (user_id, expires_at);

    create table usage_events (account_id bigint not null, at timestamptz not null, units int,
        primary key (account_id, at)) partition by range (at);
    create table usage_events_until_2100 partition of usage_events
        for values from ('2000-01-01') to ('2100-01-01'); -- so that no day of the test is its end
    create table usage_events_rest partition of usage_events default;
    create table regions_data (region text not null, v int, primary key (region, v))
        partition by list (region);
    create table regions_eu partition of regions_data for values in ('eu');
    create table regions_rest partition of regions_data default;

    create table visits (id bigint generated always as identity primary key, zip int not null,
        city text not null, page int, filler text);
    create statistics visits_zip (dependencies) on zip, city, page from visits;

    create function balance(bigint) returns bigint language sql security definer
        as 'select 1::bigint';
    create function balance_safe(bigint) returns bigint language sql security definer
        set search_path = pg_catalog, pg_temp as 'select 1::bigint';
    create materialized view totals as select account_id, count(*) from invoices group by 1;
    create view live_accounts as select * from accounts where deleted_at is null;
    revoke create on schema public from public;
    grant create on schema app to public;
"""
ROWS = """
    set search_path = app;
    insert into countries (code, name) select 'c' || n, n from generate_series(1, 20) n;
    insert into plans (code, name) select 'p' || n, n from generate_series(1, 5) n;
    insert into locales (code, name) select 'l' || n, n from generate_series(1, 5) n;
    insert into accounts (name, country, tier, deleted_at, created_at)
        select 'a' || n, 'c' || 1 + n % 20, 'pro', case when n % 5 = 0 then now() end, now()
        from generate_series(1, 5000) n;
    insert into users (account_id, email, deleted_at) select n, 'u' || n || '@x.com',
        case when n % 3 = 0 then now() end from generate_series(1, 5000) n;
    insert into addresses (account_id, address_line1, state, zip)
        select n, 'street', 's' || n % 9, n::text from generate_series(1, 4000) n;
    insert into subscriptions (account_id, plan, status, started_at)
        select n, 'p' || 1 + n % 5, 'active', now() from generate_series(1, 5000) n;
    insert into invoices (subscription_id, account_id, status, total_cents, issued_at, filler)
        select n, n, case n % 3 when 0 then 'open' when 1 then 'paid' else 'void' end, 5, now(),
            repeat('x', 300) from generate_series(1, 5000) n;
    insert into invoice_lines (invoice_id, line_no, unit_cents, total_cents)
        select n, 1, 5, 5 from generate_series(1, 5000) n;
    insert into payments (invoice_id, state) select n, 'done' from generate_series(1, 5000) n;
    insert into legacy_log select 'x', now() from generate_series(1, 500);
    insert into usage_events values (1, '2026-11-03', 1), (1, '2100-12-03', 1);
    insert into regions_data values ('us', 1), ('eu', 1);
    insert into visits (zip, city, page, filler) select n % 90, 'c' || n % 90 / 3, hashint4(n) % 50,
        repeat('x', 300) from generate_series(1, 5000) n;
    analyze;
"""
EXPECTED: dict[str, set[str]] = {
    "table_without_pk": {"app.legacy_log"},
    "fk_without_index": {"app.invoices (subscription_id)"},
    "fk_type_mismatch": {"app.payments.invoice_id"},
    "fk_duplicate": {"app.refunds (refunds_payment, refunds_payment_again)"},
    "column_types": {
        "app.users.last_seen",
        "app.invoice_lines.amount",
        "app.payments.reference",
    },
    "repeating_columns": {"app.users (phone1 …)"},
    "status_without_check": {"app.invoices.status"},
    "undocumented_duplicate_column": {"app.invoice_lines.vat_number"},
    "not_null_pending": {"app.projects.owner_id"},
    "constraint_not_valid": {"app.projects: title_set"},
    "trigger_disabled": {"app.tasks: tasks_touch"},
    "index_duplicate": {"app.invoices_issued_again"},
    "index_redundant_prefix": {"app.subscriptions_account"},
    "index_btree_on_array": {"app.users_tags"},
    "unique_ignores_soft_delete": {"app.users_email"},
    "security_definer_search_path": {"app.balance(bigint)"},
    "security_public_create": {"app"},
    "partition_default_filling": {"app.usage_events_rest"},
    "sequence_column_mismatch": {"app.counters_id_seq"},
    "shadow_column_leftover": {"app.attachments.kind_new"},
    "functional_dependency": {"app.visits.city"},
}
USED = "select count(*) from app.subscriptions where account_id = 7 and plan = 'p3'"
SCANNED = "select pg_stat_get_numscans('app.subscriptions_account_plan'::regclass) > 0"
"""An index is only told as redundant where the wider one is in use."""


def judged() -> Mapping[str, AnyFinding]:
    """Findings about a database, or an object in it, that one look can tell."""
    return {
        name: finding
        for name, finding in all_findings().items()
        if finding.of is Kind.postgres
        and finding.scope is Reach.database
        and finding.chapter not in ("locks", "sessions", "queries", "waits", "replication")
    }


@pytest.mark.versions(14, 18)
async def test_exactly_what_was_planted(database: Database) -> None:
    for grant in (COLUMN_STATISTICS, EXTENDED_STATISTICS):
        await database.execute(grant.grant.replace("{role}", MONITOR))
    small = "".join(
        f"create table app.{name} (id int generated always as identity primary key,"
        " code text not null unique, name text not null);"
        for name in PLAIN.split()
    )
    await database.execute(SCHEMA.replace("create schema app;", f"create schema app; {small}", 1))
    await database.execute(ROWS)
    reader = await database.session(enable_seqscan="off", enable_bitmapscan="off")
    await reader.execute(USED)
    await database.report(reader)
    await until(lambda: database.fetchval(SCANNED), "the wider index is in use")
    findings = judged()
    recorder = Recorder(wants=[want for one in findings.values() for want in one.history])
    asked = {c for one in findings.values() for c in (*one.reads, *one.consults) if c.sql}
    async with watching(dsn=database.monitor_dsn) as session:
        snapshot = await look(session, *sorted(asked, key=lambda c: c.name), recorder=recorder)
    told: dict[str, set[str]] = {}
    for name, finding in findings.items():
        for subject in verdict_of(finding, snapshot).subjects:
            if subject.evidence.database in (None, database.name):
                told.setdefault(name, set()).add(subject.evidence.subject)
    false = [f"{n}: {s}" for n in told for s in sorted(told[n] - EXPECTED.get(n, set()))]
    missed = [f"{n}: {s}" for n in EXPECTED for s in sorted(EXPECTED[n] - told.get(n, set()))]
    assert false == []
    assert missed == []
