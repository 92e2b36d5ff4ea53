"""What it means that a server can't be reached, by cause, and where to look first."""

from collectors.connection import Cause

# Advice only: nothing can be run in a server that is away.
WORDS: dict[Cause, tuple[str, tuple[str, ...]]] = {
    Cause.absent: (
        "nobody listens there",
        (
            "Is the host up, and PostgreSQL started? systemctl status postgresql; or, in"
            " Kubernetes, kubectl describe pod. Its log says why it stopped.",
            "Start it: systemctl start postgresql, or pg_ctl start -D PGDATA.",
            "If it runs, it listens elsewhere: compare port, listen_addresses and"
            " unix_socket_directories.",
        ),
    ),
    Cause.unresolved: (
        "its name has no address",
        ("Ask the resolver: getent hosts NAME. Was the host, or the Service, renamed?",),
    ),
    Cause.timeout: (
        "the attempt to connect got no answer",
        (
            "Is the host alive, and does a firewall or a network policy swallow the packets?",
            "A new rule, a lost route and a dead host all look like this.",
            "If its port opens, PostgreSQL itself hangs: look at its disks, and for a stopped"
            " process (ps -o pid,stat,wchan,args -C postgres).",
        ),
    ),
    Cause.hung: (
        "it was connected and does not answer any more",
        (
            "On its host, look at the disks first: a PostgreSQL whose storage hangs, hangs.",
            "A stopped process: ps -o pid,stat,wchan,args -C postgres; T is stopped (kill -CONT),"
            " D waits for a disk.",
        ),
    ),
    Cause.starting: (
        "it is starting up",
        (
            "Let it: it replays WAL since the last checkpoint. A second start, or a kill, begins"
            " this anew. Its log tells how far it is.",
        ),
    ),
    Cause.stopping: (
        "it is shutting down",
        (
            "Somebody stopped it. A smart shutdown waits for every session;"
            " pg_ctl stop -m fast does not.",
        ),
    ),
    Cause.recovery: (
        "it is in recovery and takes no sessions",
        (
            "A standby opens when it is consistent; with hot_standby = off, never.",
            "Its log says which WAL it waits for.",
        ),
    ),
    Cause.slots_full: ("every connection slot is taken", ()),
    Cause.role_full: (
        "our own role has all the connections that it may have",
        (
            "Does a second pgvigil log in as {user}? One has three sessions at most.",
            "If the limit is too low: ALTER ROLE {user} CONNECTION LIMIT …;",
        ),
    ),
    Cause.database_full: (
        "the database that we ask for has all the connections that it allows",
        (
            "Name another database in the address; `postgres` will do.",
            "Who is in it: finding connection_saturation, once a session of ours works.",
        ),
    ),
    Cause.auth: (
        "it refused our login",
        (
            "Was the password changed, or has it expired (rolvaliduntil)?"
            " Set it anew with \\password, and give pgvigil the same.",
        ),
    ),
    Cause.auth_method: (
        "it asks for a way to log in that pgvigil refuses",
        (
            "If it asks for the password in clear, use scram-sha-256 in pg_hba.conf for {user},"
            " and set the password anew with \\password.",
            "Or connect with sslmode=verify-full. To send it in clear all the same, as ldap and pam"
            " need it: require_auth=password in the address.",
            "If the server never asked like that before, make sure that it is yours.",
        ),
    ),
    Cause.pg_hba: (
        "pg_hba.conf has no line for us",
        (
            "Add one above the first that matches, with our address:",
            "host all {user} 192.0.2.10/32 scram-sha-256",
            "Then: SELECT pg_catalog.pg_reload_conf(); and look:",
            "SELECT * FROM pg_catalog.pg_hba_file_rules;",
        ),
    ),
    Cause.tls: (
        "no encrypted connection could be agreed on",
        (
            "Compare sslmode and sslrootcert here with ssl, ssl_cert_file and the hostssl lines"
            " there. An expired certificate: openssl s_client -starttls postgres -connect …",
        ),
    ),
    Cause.no_database: (
        "the database that we ask for is not there, or not open to us",
        (
            "Was it dropped or renamed? Name another one in the address; `postgres` will do.",
            "If it is there: GRANT CONNECT ON DATABASE … TO {user};",
        ),
    ),
    Cause.pooler: (
        "a pooler answers instead of PostgreSQL",
        ("Give pgvigil the address of PostgreSQL itself, beside the pooler.",),
    ),
    Cause.wrong_server: (
        "another server answers at this address",
        (
            "The address moved (a failover, or a load balancer over several servers)."
            " Watch each server by an address of its own.",
        ),
    ),
    Cause.address: ("its address can't be used", ("Put the configured address right.",)),
    Cause.other: ("it could not be reached", ("What it said is all that is known.",)),
}
"""What happened, as the end of a sentence, and what to do; `{user}` is our role."""

OUR_OWN = frozenset(
    {
        Cause.role_full,
        Cause.database_full,
        Cause.auth,
        Cause.auth_method,
        Cause.pg_hba,
        Cause.tls,
        Cause.no_database,
        Cause.pooler,
        Cause.wrong_server,
        Cause.address,
        Cause.unresolved,
        Cause.other,
    }
)
"""While a session of ours still works, these may concern nobody but us."""
