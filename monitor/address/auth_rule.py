"""Authentication methods that a server may ask for: libpq's require_auth."""

from dataclasses import dataclass

from monitor.address.dsn import AddressError

METHODS = frozenset({"password", "md5", "gss", "sspi", "scram-sha-256", "oauth", "none"})
"""`none`: the server lets us in without asking for anything."""


@dataclass(frozen=True, slots=True)
class AuthRule:
    """Allowed methods. A password in clear also needs a trusted connection, unless `password` is
    named in require_auth."""

    allowed: frozenset[str] = METHODS
    names_password: bool = False


ANY_METHOD = AuthRule()


def auth_rule(written: str | None) -> AuthRule:
    """Parse require_auth: methods that are allowed, or methods that are not, each after a `!`.

    Raises AddressError.
    """
    if not written:
        return ANY_METHOD
    names = [name.strip() for name in written.split(",")]
    denied = [name.startswith("!") for name in names]
    methods = {name.removeprefix("!") for name in names}
    if unknown := sorted(methods - METHODS):
        raise AddressError(
            f"require_auth names {unknown[0]!r}, but must name {', '.join(sorted(METHODS))}."
        )
    if any(denied) and not all(denied):
        raise AddressError("require_auth must not mix methods with and without !.")
    if all(denied):
        return AuthRule(METHODS - methods)
    return AuthRule(frozenset(methods), "password" in methods)
