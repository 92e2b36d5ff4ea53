"""Lines of a pooler's log that tell of refused logins.

Names of users and databases in them are what a client sent. PgBouncer begins each line of its own
with a time, and the rest of a text of several lines with a tab, so no name can forge a line.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from collectors.pooler_log import Refusal, Side

LOOKED_AT = 2048
"""Bytes of a line that are looked at."""
MOST = 200
"""Kinds of refusals that are counted apart; the databases of all others are not told."""
TIMES = 200
"""Times that are kept of each kind."""
NAME = 63
"""Characters that a name can have."""
LINE = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S{1,40} \[\d{1,10}\]"
    r" (?P<level>[A-Z]{3,10}) (?P<text>.*)",
    re.DOTALL,
)
# The address is what follows the last @: a name may have one too.
OF_CLIENT = re.compile(r"C-\w{1,20}: (?P<pool>.*)@(?P<address>\S+) pooler error: (?P<why>.*)")
OF_SERVER = re.compile(r"S-\w{1,20}: (?P<pool>.*)@(?P<address>\S+) closing because: (?P<why>.*)")
SERVER_SAID = re.compile(r"server login failed: [A-Z]+ (?P<why>.*)")
UNKNOWN_DATABASE = "(nodb)"

Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: tuple[str, str]) -> Rules:
    return tuple((re.compile(text), cause) for text, cause in pairs)


CLIENT: Rules = _rules(
    (r"no such database|does not allow connections", "database"),
    (r"unsupported startup parameter", "parameter"),
    (r"no more connections allowed|client connections exceeded", "limit"),
    (r"database .* is disabled", "disabled"),
    (r"(SASL|password|peer|cert|PAM|LDAP|GSS)\S* auth|auth(entication)? failed|no such user|"
     r"login rejected", "password"),
)  # fmt: skip
"""What the pooler says to a client that it refuses, in the order in which it is looked for."""
SERVER: Rules = _rules(
    (r"password authentication failed|SCRAM|SASL|authentication failed", "password"),
    (r"no pg_hba\.conf entry|pg_hba\.conf rejects", "rules"),
    (r"too many (clients|connections)|remaining connection slots", "slots"),
    (r"starting up|shutting down|in recovery|not yet accepting|terminating connection", "starting"),
    (r"(database|role) .* does not exist|not permitted to log in|permission denied for database",
     "missing"),
)  # fmt: skip
"""What the server says to a pooler that it refuses; English, whatever else is `other`."""
UNREACHABLE = re.compile(r"(connect failed|connect timeout|login timeout|server DNS lookup failed)")
Key = tuple[Side, str, str | None, str | None]


@dataclass(slots=True)
class Refusals:
    """Counts of refused logins since the daemon began to read."""

    records: int = 0
    counts: dict[Key, tuple[int, tuple[float, ...]]] = field(default_factory=dict)
    _said: str | None = None
    """Why a server refused; the next line about a server connection says of which pool."""

    def add(self, line: bytes, at: float) -> None:
        """Count a line that was read at a time (unix seconds)."""
        told = LINE.match(line[:LOOKED_AT].decode("utf-8", "replace").rstrip("\n"))
        if not told:
            return
        self.records += 1
        level, text = told["level"], told["text"]
        if said := SERVER_SAID.match(text):
            self._unnamed(at)
            self._said = _cause(SERVER, said["why"]) or "other"
        elif level == "WARNING" and (found := OF_CLIENT.match(text)):
            if cause := _cause(CLIENT, found["why"]):
                database, _ = _pool(found["pool"])
                self._count((Side.client, cause, database, None), at)
        elif found := OF_SERVER.match(text):
            self._of_server(found, at)

    def _of_server(self, found: re.Match[str], at: float) -> None:
        cause = self._said or ("unreachable" if UNREACHABLE.match(found["why"]) else None)
        self._said = None
        if cause:
            self._count((Side.server, cause, *_pool(found["pool"])), at)

    def _unnamed(self, at: float) -> None:
        """Without log_disconnections no line says of which pool the last refusal was."""
        if self._said:
            self._count((Side.server, self._said, None, None), at)

    def _count(self, key: Key, at: float) -> None:
        if key not in self.counts and len(self.counts) >= MOST:
            key = (key[0], key[1], None, None)
        count, times = self.counts.get(key, (0, ()))
        self.counts[key] = count + 1, (*times, at)[-TIMES:]

    def rows(self) -> Iterable[Refusal]:
        for (side, cause, database, user), (count, times) in self.counts.items():
            yield Refusal(side, cause, database, user, count, times)


def _cause(rules: Rules, why: str) -> str | None:
    return next((cause for pattern, cause in rules if pattern.search(why)), None)


def _pool(told: str) -> tuple[str | None, str | None]:
    """Return database and user of `database/user`; None where they are not known."""
    database, _, user = told.partition("/")
    if database == UNKNOWN_DATABASE:
        return None, None
    return _name(database), _name(user)


def _name(told: str) -> str | None:
    """Return a name without what a terminal would not show."""
    return "".join(c for c in told if c.isprintable())[:NAME] or None
