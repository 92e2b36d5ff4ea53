"""Files of TLS, tried before asyncpg loads them, so that a message names the one that is wrong."""

import os.path
import ssl
from pathlib import Path

from monitor.address.dsn import AddressError, Options
from monitor.plain_file import read_bytes

FOLDER = "~/.postgresql"
DEFAULTS = {
    "sslrootcert": "root.crt",
    "sslcrl": "root.crl",
    "sslcert": "postgresql.crt",
    "sslkey": "postgresql.key",
}
"""Files of that folder which are used, where they exist, if none is named."""
SYSTEM = "system"
"""Instead of a file in sslrootcert: the authorities of the operating system."""


def check(options: Options) -> None:
    """Try the files that are named, or found. Raises AddressError, or OSError for an unreadable
    one."""
    for name in DEFAULTS:
        if (file := options.get(name)) and file != SYSTEM:
            read_bytes(Path(file))
    for name, content in (("sslrootcert", "certificate"), ("sslcrl", "revocation list")):
        if (file := found(options, name)) and file != SYSTEM:
            _check_trusted(file, content)
    if certificate := found(options, "sslcert"):
        _check_trusted(certificate, "certificate")
        password = options.get("sslpassword", "")
        _check_pair(certificate, found(options, "sslkey") or certificate, password)


def found(options: Options, name: str) -> str | None:
    """Return the file that is named, or that of the folder; None if there is none."""
    if named := options.get(name):
        return named
    default = os.path.expanduser(os.path.join(FOLDER, DEFAULTS[name]))
    return default if os.path.isfile(default) else None


def _check_trusted(file: str, content: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
    except ssl.SSLError:
        raise AddressError(f"{file} contains no {content} in PEM format.") from None


def _check_pair(certificate: str, key: str, password: str) -> None:
    asked: list[bool] = []

    def passphrase() -> str:
        asked.append(True)
        return password

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, passphrase)
    except ssl.SSLError as error:
        raise AddressError(_objection(error, certificate, key, bool(asked), password)) from None


def _objection(
    error: ssl.SSLError, certificate: str, key: str, has_passphrase: bool, password: str
) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"The key {key} does not belong to the certificate {certificate}."
    if has_passphrase and not password:
        return f"The key {key} has a passphrase: set sslpassword."
    if has_passphrase:
        return f"sslpassword is not the passphrase of the key {key}."
    if key == certificate:
        return f"The certificate {certificate} has no key: set sslkey."
    return f"{key} contains no key in PEM format."
