"""Web config file: its model, and the error messages for wrong values."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from alerts.units import Duration
from monitor.config.errors import ConfigurationError, one_sentence

STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
# Each step of the cost doubles the time; with 16, a login takes seconds.
BCRYPT = re.compile(r"\$2[aby]\$(0[4-9]|1[0-6])\$[./A-Za-z0-9]{53}")
UNVERIFIED = ("RequestClientCert", "RequireAnyClientCert")
HeaderName = Literal[
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
]


def _hash(written: str) -> str:
    if not BCRYPT.fullmatch(written):
        raise ValueError(
            "not a bcrypt hash with a cost from 4 to 16, such as from htpasswd -nBC 10"
        )
    return written


def _policy(written: str) -> str:
    if written in UNVERIFIED:
        raise ValueError(f"{written} accepts any certificate; use RequireAndVerifyClientCert")
    return written


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise ValueError("the value of a header must be printable ASCII on one line")
    return value


TlsVersion = Literal["TLS12", "TLS13"]


class TlsServer(BaseModel):
    """Section tls_server_config; paths are relative to the folder of the web config file."""

    model_config = STRICT

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_auth_type: Annotated[
        Literal[
            "NoClientCert",
            "RequestClientCert",
            "RequireAnyClientCert",
            "VerifyClientCertIfGiven",
            "RequireAndVerifyClientCert",
        ],
        AfterValidator(_policy),
    ] = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = ()
    min_version: TlsVersion = "TLS12"
    max_version: TlsVersion = "TLS13"

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        verifies = self.client_auth_type != "NoClientCert"
        if self.client_ca_file and not verifies:
            raise ValueError(
                "client_ca_file needs client_auth_type, otherwise no certificate is requested"
            )
        if verifies and not self.client_ca_file:
            raise ValueError("client_auth_type needs client_ca_file, to verify certificates")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError(
                "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert"
            )
        if self.min_version > self.max_version:
            raise ValueError("min_version is above max_version")
        return self


class HttpServer(BaseModel):
    model_config = STRICT

    # Accepted because files of other exporters contain it; we always serve HTTP/1.1.
    http2: bool = False
    headers: dict[HeaderName, Annotated[str, AfterValidator(_header)]] = {}


class RateLimit(BaseModel):
    """Rate limit: one request per interval, and up to `burst` at once."""

    model_config = STRICT

    interval: Duration
    burst: Annotated[int, Field(ge=1)] = 1


class WebFile(BaseModel):
    """The whole file. A section that is there must set something, else access would be open."""

    model_config = STRICT

    tls_server_config: TlsServer | None = None
    http_server_config: HttpServer | None = None
    basic_auth_users: dict[str, Annotated[str, AfterValidator(_hash)]] | None = None
    rate_limit: RateLimit | None = None

    @model_validator(mode="before")
    @classmethod
    def _sets_something(cls, found: Any) -> Any:
        """A file or section may be empty because it is just being written, or by mistake."""
        if isinstance(found, dict):
            empty = [name for name, section in found.items() if section is None or section == {}]
            if known := [name for name in empty if name in cls.model_fields]:
                raise ValueError(f"{known[0]} is empty; leave it out if it is not wanted")
        return found


def read(path: Path) -> WebFile:
    """Read and validate the file. Raises ConfigurationError, which names the wrong field."""
    from monitor.config.yaml_file import read_yaml  # imported where there is a file to read

    found = read_yaml(path, "The web config file")
    if found is None or found == {}:
        raise ConfigurationError(
            f"The web config file {path} is empty, so it would restrict nothing;"
            " unset web_config_file if that is wanted."
        )
    return _checked(path, found)


def _checked(path: Path, found: Any) -> WebFile:
    if not isinstance(found, dict):
        raise ConfigurationError(f"The web config file {path} is not a mapping of settings.")
    try:
        file = WebFile.model_validate(found)
    except ValidationError as wrong:
        sentence = one_sentence(wrong, WebFile)
        raise ConfigurationError(f"The web config file {path} is wrong: {sentence}") from None
    return file
