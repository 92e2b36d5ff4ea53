"""Security policy, built from the web config file and its certificates, and replaced as a whole."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from monitor.config.errors import ConfigurationError
from monitor.config.reload import Stamp, stamps
from monitor.web.security.passwords import Passwords
from monitor.web.security.rate import Rate
from monitor.web.security.tls import Rotating, context_for, expires, files_of, rotating, san_allowed

if TYPE_CHECKING:
    from monitor.web.security.webfile import WebFile

log = structlog.get_logger("pgvigil")
RESTART = "tls_server_config can't come or go without a restart"
OPENS = "without it more people would have access, so it can't be removed without a restart"


@dataclass(frozen=True, slots=True)
class Policy:
    """Immutable policy; a changed file makes a new one. The default does not restrict access."""

    context: ssl.SSLContext | None = None
    certificate_expires: float | None = None
    """Unix seconds; None without TLS."""
    allowed_sans: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    passwords: Passwords | None = None
    rate: Rate | None = None


def policy_of(file: "WebFile", folder: Path) -> Policy:
    """Build the policy of a web config file. Raises ConfigurationError."""
    tls, http, limit = file.tls_server_config, file.http_server_config, file.rate_limit
    every = limit.interval.total_seconds() if limit else 0
    return Policy(
        context=context_for(tls, folder) if tls else None,
        certificate_expires=expires(tls, folder) if tls else None,
        allowed_sans=tls.client_allowed_sans if tls else (),
        headers=tuple(http.headers.items()) if http else (),
        passwords=Passwords(file.basic_auth_users) if file.basic_auth_users else None,
        rate=Rate(every, limit.burst) if limit and every else None,
    )


def _lost_protection(old: Policy, new: Policy) -> str | None:
    """Return what a half-written file may lack that asked clients who they are; None if nothing."""
    if old.passwords and not new.passwords:
        return "basic_auth_users"
    verified = [one.context is not None and one.context.verify_mode for one in (old, new)]
    if verified == [ssl.CERT_REQUIRED, ssl.CERT_NONE]:
        return "client_auth_type"
    return None


@dataclass(slots=True)
class Security:
    """The current policy and the state of its files. Raises ConfigurationError."""

    path: Path | None
    policy: Policy = field(default_factory=Policy)
    context: Rotating | None = None
    """TLS context of all connections; None for plain HTTP."""
    up_to_date: bool = True
    """False while a newer file is invalid and the previous policy stays in use."""
    _seen: dict[Path, Stamp | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path:
            self.policy = self._read(self.path)
            self.context = rotating(self.policy.context) if self.policy.context else None

    def admits(self, certificate: dict[str, object] | None) -> bool:
        return san_allowed(certificate, self.policy.allowed_sans)

    def look(self) -> None:
        """Reload changed files; if they are invalid or half written, keep the previous policy."""
        if self.path is None or stamps(self._seen) == self._seen:
            return
        try:
            policy = self._read(self.path)
            if (policy.context is None) != (self.context is None):
                raise ConfigurationError(f"{RESTART}.")
            if lost := _lost_protection(self.policy, policy):
                raise ConfigurationError(f"{lost} is missing: {OPENS}.")
        except ConfigurationError as wrong:
            self.up_to_date = False
            log.error(
                "web configuration is invalid, the previous one stays in use", reason=str(wrong)
            )
            return
        self.policy, self.up_to_date = policy, True
        if self.context and policy.context:
            self.context.inner = policy.context
        log.info("web configuration reloaded", file=str(self.path))

    def _read(self, path: Path) -> Policy:
        from monitor.web.security.webfile import read  # with pydantic, which most do without

        # Stamps first: a file that changes while it is read is then read again.
        self._seen |= stamps([path])
        file = read(path)
        tls = file.tls_server_config
        files = tuple(files_of(tls, path.parent).values()) if tls else ()
        self._seen = {path: self._seen[path], **stamps(files)}
        return policy_of(file, path.parent)
