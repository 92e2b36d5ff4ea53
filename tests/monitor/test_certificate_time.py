"""When a certificate expires: read from real ones."""

import time
from pathlib import Path

import pytest

from monitor.certificate_time import expiry, expiry_of_pem
from tests.fixtures.certificates import Authority
from tests.fixtures.requirements import Tool

DAY = 86400


def test_of_a_real_certificate(tool: Tool, tmp_path: Path) -> None:
    """The first in the file counts; a key before it does not matter."""
    authority = Authority(tmp_path / "certificates", tool("openssl"))
    pair = authority.issue("server", "DNS:localhost")
    text = pair.key.read_text() + pair.certificate.read_text() + authority.certificate.read_text()
    found = expiry_of_pem(text)
    assert found is not None
    assert DAY < found - time.time() <= 2 * DAY + 60


@pytest.mark.parametrize("data", [b"", b"0", b"0\x03abc", b"0\x84\xff\xff\xff\xff", b"\x30\x00"])
def test_what_is_no_certificate_has_no_time(data: bytes) -> None:
    assert expiry(data) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n%%\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_pem_has_no_time(text: str) -> None:
    assert expiry_of_pem(text) is None
