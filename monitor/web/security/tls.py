"""TLS context of the server, and the check of client certificates."""

import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.certificate_time import expiry_of_pem
from monitor.config.errors import ConfigurationError
from monitor.plain_file import read_bytes, reason

if TYPE_CHECKING:
    from monitor.web.security.webfile import TlsServer

VERSIONS = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
DEMANDS = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class Rotating(ssl.SSLContext):
    """TLS context that passes each new connection to the current context.

    `sni_callback` would be too late: by then the connection has its TLS versions and its
    requirements for client certificates, and old session tickets would still be accepted.
    """

    inner: ssl.SSLContext

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        return self.inner.wrap_bio(*arguments, **named)


def rotating(first: ssl.SSLContext) -> Rotating:
    context = Rotating(ssl.PROTOCOL_TLS_SERVER)
    context.inner = first
    return context


def files_of(tls: "TlsServer", folder: Path) -> dict[str, Path]:
    """Return the files by the name of their setting; relative paths are in the folder."""
    named = {"cert_file": tls.cert_file, "key_file": tls.key_file}
    named |= {"client_ca_file": tls.client_ca_file} if tls.client_ca_file else {}
    return {field: folder / path for field, path in named.items()}


def context_for(tls: "TlsServer", folder: Path) -> ssl.SSLContext:
    """Build a TLS context from the files. Raises ConfigurationError."""
    files = files_of(tls, folder)
    for field, path in files.items():
        _readable(field, path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[tls.min_version]
    context.maximum_version = VERSIONS[tls.max_version]
    context.set_alpn_protocols(["http/1.1"])
    _trust("cert_file", files["cert_file"], ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    try:
        context.load_cert_chain(files["cert_file"], files["key_file"], password=_no_password)
    except (ssl.SSLError, Encrypted) as wrong:
        raise _wrong("key_file", files["key_file"], _about_key(wrong)) from None
    if "client_ca_file" in files:
        _trust("client_ca_file", files["client_ca_file"], context)
    context.verify_mode = DEMANDS[tls.client_auth_type]
    return context


def expires(tls: "TlsServer", folder: Path) -> float | None:
    """Return when the certificate expires, in unix seconds."""
    return expiry_of_pem(read_bytes(files_of(tls, folder)["cert_file"]).decode(errors="replace"))


def san_allowed(certificate: dict[str, Any] | None, allowed: tuple[str, ...]) -> bool:
    """Return True if a certificate (from `getpeercert`) has an allowed name, or all are allowed."""
    names = (certificate or {}).get("subjectAltName", ())
    wanted = set(map(_comparable, allowed))
    return not allowed or any(_comparable(name) in wanted for _, name in names)


def _comparable(name: str) -> str:
    """Normalise IP addresses, because IPv6 has several spellings for one address."""
    try:
        return str(ipaddress.ip_address(name.strip()))
    except ValueError:
        return name


def _readable(field: str, path: Path) -> None:
    try:
        read_bytes(path)
    except OSError as wrong:
        why = f"can't be read: {reason(wrong)}"
        raise _wrong(field, path, why) from None


def _trust(field: str, path: Path, context: ssl.SSLContext) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise _wrong(field, path, "is not a certificate in PEM") from None


class Encrypted(Exception):
    """A key that can't be read without a password."""


def _no_password() -> str:
    """Refuse to give a password; without this, OpenSSL would wait for one on the terminal."""
    raise Encrypted


def _about_key(wrong: Exception) -> str:
    if isinstance(wrong, Encrypted):
        return "is encrypted, which is not supported"
    mismatch = getattr(wrong, "reason", None) == "KEY_VALUES_MISMATCH"
    return "does not belong to cert_file" if mismatch else "is not a private key in PEM"


def _wrong(field: str, path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(f"tls_server_config.{field}: {path} {why}.")
