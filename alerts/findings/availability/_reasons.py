"""Explanation and advice for each cause of an unreachable server."""

from collectors.connection import Cause

# Only advice: no statement can be run on an unreachable server.
WORDS: dict[Cause, tuple[str, tuple[str, ...]]] = {
    Cause.absent: (
        "no server listens there",
        (
            "Is the host up, and PostgreSQL started? systemctl status postgresql; or, in"
            " Kubernetes, kubectl describe pod. Its log shows why it stopped.",
            "Start it: systemctl start postgresql, or pg_ctl start -D PGDATA.",
            "If it runs, it listens at another address: compare port, listen_addresses and"
            " unix_socket_directories.",
        ),
    ),
    Cause.unresolved: (
        "its host name can't be resolved",
        ("Ask the resolver: getent hosts NAME. Was the host, or the Service, renamed?",),
    ),
    Cause.timeout: (
        "connecting timed out",
        (
            "Is the host up, and does a firewall or a network policy drop the packets?",
            "A new firewall rule, a lost route and a dead host all look the same.",
            "If its port is open, PostgreSQL itself hangs: check its disks, and look for a stopped"
            " process (ps -o pid,stat,wchan,args -C postgres).",
        ),
    ),
    Cause.hung: (
        "connected, but it no longer answers",
        (
            "On its host, check the disks first: if the storage hangs, PostgreSQL hangs.",
            "A stopped process: ps -o pid,stat,wchan,args -C postgres; T: stopped (kill -CONT),"
            " D: waits for a disk.",
        ),
    ),
    Cause.starting: (
        "it is starting up",
        (
            "Wait: it replays WAL since the last checkpoint. After a kill, replay starts again from"
            " the beginning. Its log shows the progress.",
        ),
    ),
    Cause.stopping: (
        "it is shutting down",
        (
            "It was stopped. A smart shutdown waits for every session;"
            " pg_ctl stop -m fast does not.",
        ),
    ),
    Cause.recovery: (
        "it is in recovery and accepts no sessions",
        (
            "A standby accepts sessions when it is consistent; with hot_standby = off, never.",
            "Its log shows which WAL it waits for.",
        ),
    ),
    Cause.slots_full: ("every connection slot is in use", ()),
    Cause.role_full: (
        "the connection limit of our role is reached",
        (
            "Does a second pgvigil log in as {user}? One pgvigil has at most three sessions.",
            "If the limit is too low: ALTER ROLE {user} CONNECTION LIMIT …;",
        ),
    ),
    Cause.database_full: (
        "the connection limit of the database in our address is reached",
        (
            "Name another database in the address, such as `postgres`.",
            "See the finding connection_saturation, once pgvigil can connect.",
        ),
    ),
    Cause.auth: (
        "it refused the password",
        (
            "Is there a role {user}? PostgreSQL says the same where there is none.",
            "Was the password changed, or has it expired (rolvaliduntil)?"
            " Set it again with \\password {user}, and configure pgvigil with the same.",
        ),
    ),
    Cause.no_password: (
        "it asks for a password, and none is configured",
        (
            "Give pgvigil the password of {user}: password_file, PGPASSFILE or PGPASSWORD.",
            "If the role has none yet, set one in psql: \\password {user}",
        ),
    ),
    Cause.not_identified: (
        "it did not recognise us by the method in its pg_hba.conf (peer, ident, cert)",
        (
            "peer and ident compare the user of the operating system with {user}: run pgvigil as"
            " that user, or map it in pg_ident.conf. cert compares the name in the certificate.",
            "Or change the method of that entry in pg_hba.conf to scram-sha-256.",
        ),
    ),
    Cause.no_role: (
        "the role {user} does not exist there",
        (
            "Create it: `pgvigil setup-sql` prints what to run as a superuser.",
            "If it has another name there, correct the user in the address.",
        ),
    ),
    Cause.no_login: (
        "the role {user} may not log in there",
        ("ALTER ROLE {user} LOGIN;",),
    ),
    Cause.no_role_or_login: (
        "the role {user} does not exist there, or may not log in",
        (
            "If it does not exist, `pgvigil setup-sql` prints what to run as a superuser.",
            "If it exists: ALTER ROLE {user} LOGIN;",
        ),
    ),
    Cause.auth_method: (
        "it asks for a way to log in that pgvigil refuses",
        (
            "If it asks for the password in clear, use scram-sha-256 in pg_hba.conf for {user},"
            " and set the password again with \\password.",
            "Or connect with sslmode=verify-full. To send it in clear all the same, as ldap and pam"
            " need it: require_auth=password in the address.",
            "If the server never asked like that before, make sure that it is yours.",
        ),
    ),
    Cause.pg_hba: (
        "pg_hba.conf has no entry for us",
        (
            "Add an entry above the first one that matches, with pgvigil's address:",
            "host all {user} 192.0.2.10/32 scram-sha-256",
            "Then run SELECT pg_catalog.pg_reload_conf(); and check:",
            "SELECT * FROM pg_catalog.pg_hba_file_rules;",
        ),
    ),
    Cause.tls: (
        "the TLS negotiation failed",
        (
            "Compare sslmode, sslrootcert and sslcert here with ssl, ssl_cert_file, ssl_ca_file and"
            " the hostssl lines there. For an expired certificate:"
            " openssl s_client -starttls postgres -connect …",
        ),
    ),
    Cause.no_database: (
        "the database in our address does not exist",
        (
            "Was it dropped or renamed? Name another one in the address, such as `postgres`.",
            "What there is: psql -l, with the same host and user.",
        ),
    ),
    Cause.no_connect: (
        "we lack CONNECT on the database in our address",
        (
            "GRANT CONNECT ON DATABASE … TO {user};",
            "Or name another one in the address, such as `postgres`.",
        ),
    ),
    Cause.database_closed: (
        "the database in our address takes no sessions",
        (
            "Name another one in the address, such as `postgres`.",
            "If it should take sessions: ALTER DATABASE … ALLOW_CONNECTIONS true; but one whose"
            " DROP was interrupted can only be dropped.",
        ),
    ),
    Cause.refused: (
        "it refused the session with an error",
        (
            "Since 17 an event trigger on login can do so: see pg_event_trigger in that database"
            " (evtevent = 'login'). The log of the server has the whole error.",
        ),
    ),
    Cause.no_library: (
        "a library that is loaded into each session can't be loaded",
        (
            "Install it, or take it out of session_preload_libraries or local_preload_libraries.",
            "psql can't log in with these settings either, unless they are set for {user} or for"
            " one database only: then log in as another role, or to another database.",
            "Of {user} alone: ALTER ROLE {user} RESET session_preload_libraries;",
            "What is set for roles and databases: \\drds in psql.",
        ),
    ),
    Cause.idle_timeout: (
        "its idle_session_timeout ends our session before the first query arrives",
        (
            "It is shorter than the time until our first query, which sets one for our session.",
            "A longer one for {user} alone: ALTER ROLE {user} SET idle_session_timeout = '5min';",
        ),
    ),
    Cause.login_waits: (
        "each login waits for a lock on a system catalogue",
        (
            "VACUUM FULL, CLUSTER or LOCK TABLE of a catalogue holds it until it ends.",
            "If it must end now: SELECT pg_catalog.pg_cancel_backend(…); with that pid.",
        ),
    ),
    Cause.first_question: (
        "pgvigil can log in, but its first query fails",
        (
            "If a function is refused: GRANT EXECUTE ON FUNCTION pg_catalog.… TO {user};",
            "If it waits for a lock, a system catalogue is locked, such as by VACUUM FULL: pgvigil"
            " tries again.",
        ),
    ),
    Cause.pooler: (
        "a pooler answers instead of PostgreSQL",
        ("Give pgvigil the address of PostgreSQL itself, not of the pooler.",),
    ),
    Cause.wrong_server: (
        "another server answers at this address",
        (
            "The address moved (a failover, or a load balancer over several servers)."
            " Watch each server by its own address.",
        ),
    ),
    Cause.address: ("its address is invalid", ("Correct the configured address.",)),
    Cause.defect: (
        "a defect of pgvigil prevents asking",
        ("The log of pgvigil describes the defect.",),
    ),
    Cause.other: ("it could not be reached", ("The error message is all that is known.",)),
}
"""For each cause: the end of a sentence, and advice; `{user}` is our role."""

OUR_OWN = frozenset(
    {
        Cause.role_full,
        Cause.database_full,
        Cause.auth,
        Cause.auth_method,
        Cause.pg_hba,
        Cause.tls,
        Cause.no_password,
        Cause.not_identified,
        Cause.no_role,
        Cause.no_login,
        Cause.no_role_or_login,
        Cause.no_database,
        Cause.no_connect,
        Cause.database_closed,
        Cause.refused,
        Cause.no_library,
        Cause.idle_timeout,
        Cause.first_question,
        Cause.pooler,
        Cause.wrong_server,
        Cause.address,
        Cause.unresolved,
        Cause.defect,
        Cause.other,
    }
)
"""Causes that may concern only pgvigil, while one of its sessions still works."""
