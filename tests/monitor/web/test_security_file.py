"""The web config file: what is understood, and the one sentence about what is not."""

import base64
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.config.errors import ConfigurationError
from monitor.web.security.policy import Security
from monitor.web.security.webfile import read
from tests.fixtures.certificates import Authority
from tests.fixtures.requirements import Tool

HASH = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG"
Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(content: Any) -> Path:
        path = tmp_path / "web.yml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return written


def refused(path: Path) -> str:
    with pytest.raises(ConfigurationError) as wrong:
        Security(path)
    sentence = str(wrong.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


def test_a_file_of_other_exporters_is_understood(write: Write) -> None:
    """All that most of them have in theirs."""
    file = read(
        write(
            f"""
            tls_server_config:
              cert_file: tls.crt
              key_file: tls.key
              client_ca_file: ca.crt
              client_auth_type: RequireAndVerifyClientCert
              client_allowed_sans: [prometheus.example.org]
              min_version: TLS13
            http_server_config:
              http2: true
              headers: {{Strict-Transport-Security: max-age=31536000, X-Frame-Options: ''}}
            basic_auth_users: {{prometheus: {HASH}}}
            rate_limit: {{interval: 100ms, burst: 20}}
            """
        )
    )
    assert file.tls_server_config
    assert file.tls_server_config.client_allowed_sans == ("prometheus.example.org",)
    assert file.rate_limit
    assert file.rate_limit.interval.total_seconds() == 0.1


EMPTY = {
    "": "is empty, so it would restrict nothing",
    "# basic_auth_users:\n": "is empty, so it would restrict nothing",
    "{}": "is empty, so it would restrict nothing",
    "null": "is empty, so it would restrict nothing",
    "basic_auth_users:\n": "basic_auth_users is empty",
    "basic_auth_users: {}\nrate_limit: {interval: 1s}\n": "basic_auth_users is empty",
    "tls_server_config:\n": "tls_server_config is empty",
}


@pytest.mark.parametrize(("empty", "said"), EMPTY.items())
def test_an_empty_file_or_section_is_refused(write: Write, empty: str, said: str) -> None:
    """It would allow access that was meant to be restricted."""
    assert said in refused(write(empty))


@pytest.mark.parametrize("later", [*EMPTY, "rate_limit: {interval: 1s}\n"])
def test_a_file_that_lost_its_users_is_not_taken_over(write: Write, later: str) -> None:
    """A file that is just being written: the previous users stay, and readiness tells."""
    security = Security(write({"basic_auth_users": {"ann": HASH}}))
    write(later)
    security.look()
    assert security.policy.passwords
    assert not security.up_to_date
    write({"basic_auth_users": {"bob": HASH}})
    security.look()
    assert security.up_to_date


PAIR = {"cert_file": "a", "key_file": "b"}
WRONG: list[tuple[Any, str]] = [
    ({"tls_server_confg": PAIR}, "There is no setting tls_server_confg"),
    ({"tls_server_config": PAIR | {"cipher_suites": []}}, "tls_server_config.cipher_suites"),
    (
        {"tls_server_config": {"cert_fil": "a", "key_file": "b"}},
        "There is no setting tls_server_config.cert_fil; did you mean tls_server_config.cert_file?",
    ),
    ({"tls_server_config": {"cert_file": "a"}}, "tls_server_config.key_file is missing"),
    ({"tls_server_config": PAIR | {"min_version": "TLS10"}}, "tls_server_config.min_version"),
    (
        {"tls_server_config": PAIR | {"min_version": "TLS13", "max_version": "TLS12"}},
        "tls_server_config: min_version is above max_version",
    ),
    (
        {"tls_server_config": PAIR | {"client_auth_type": "RequireAnyClientCert"}},
        "tls_server_config.client_auth_type: RequireAnyClientCert accepts any",
    ),
    (
        {"tls_server_config": PAIR | {"client_auth_type": "RequireAndVerifyClientCert"}},
        "client_auth_type needs client_ca_file",
    ),
    ({"tls_server_config": PAIR | {"client_ca_file": "c"}}, "client_ca_file needs client_auth"),
    (
        {"tls_server_config": PAIR | {"client_allowed_sans": ["x"]}},
        "client_allowed_sans needs client_auth_type",
    ),
    ({"tls_server_config": PAIR}, "tls_server_config.cert_file: "),
    ({"http_server_config": {"headers": {"X-Own": "1"}}}, "http_server_config.headers.X-Own"),
    (
        {"http_server_config": {"headers": {"X-Frame-Options": "a\r\nSet-Cookie: b"}}},
        "http_server_config.headers.X-Frame-Options: ",
    ),
    ({"basic_auth_users": {"ann": "hunter2"}}, "basic_auth_users.ann: not a bcrypt hash"),
    ({"basic_auth_users": {"ann": HASH.replace("$10$", "$31$")}}, "cost from 4 to 16"),
    ({"basic_auth_users": f"hunter2 {HASH}"}, "basic_auth_users: "),
    ({"rate_limit": {"interval": "often"}}, "rate_limit.interval: "),
    ({"rate_limit": {"interval": "1s", "burst": 0}}, "rate_limit.burst: "),
    ("[]", "is not a mapping"),
    ("a: b: c", "is not YAML at line 1"),
]


@pytest.mark.parametrize(("content", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_named(write: Write, content: Any, said: str) -> None:
    """One sentence, with the field, and nothing that may be a password."""
    sentence = refused(write(content))
    assert said in sentence
    assert "hunter2" not in sentence
    assert HASH[-10:] not in sentence


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Its path, and why it can't be read."""
    path = tmp_path / "no.yml"
    assert refused(path) == f"The web config file {path} can't be read: no such file or directory."


@pytest.fixture
def authority(tmp_path: Path, tool: Tool) -> Authority:
    return Authority(tmp_path / "authority", tool("openssl"))


def shell(command: str, folder: Path) -> None:
    subprocess.run(["bash", "-c", command], cwd=folder, check=True, capture_output=True)


async def test_the_documented_file_works(tmp_path: Path, tool: Tool) -> None:
    """Its certificates are made by the commands beside it, and its password is the one there."""
    page = (Path(__file__).parents[3] / "docs" / "security.md").read_text()
    [file] = re.findall(r"^```yaml web\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "web.yml").write_text(file)
    commands = re.findall(r"^openssl( .*\n  .*)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        shell(f"{tool('openssl')}{command}", tmp_path)
    policy = Security(tmp_path / "web.yml").policy
    assert policy.passwords
    login = base64.b64encode(b"prometheus:a long password").decode()
    assert await policy.passwords.right(f"Basic {login}")


def test_a_pair_that_is_none_is_named(write: Write, authority: Authority) -> None:
    """Which of the two files is wrong, and how; an encrypted key asks no terminal."""
    pair = authority.issue("server", "DNS:localhost")
    other = authority.issue("other", "DNS:localhost")
    locked = authority.folder / "locked.key"
    subprocess.run(
        [authority.openssl, "ec", "-aes256", "-passout", "pass:x", "-in", pair.key, "-out", locked],
        check=True,
        capture_output=True,
    )
    for certificate, key, said in (
        (pair.certificate, other.key, f"key_file: {other.key} does not belong to cert_file."),
        (pair.certificate, pair.certificate, f"key_file: {pair.certificate} is not a private key"),
        (pair.certificate, locked, f"key_file: {locked} is encrypted"),
        (pair.key, pair.key, f"cert_file: {pair.key} is not a certificate in PEM."),
        (pair.certificate, Path("no.key"), "no.key can't be read: no such file or directory."),
    ):
        tls = {"cert_file": str(certificate), "key_file": str(key)}
        assert said in refused(write({"tls_server_config": tls}))
