"""Time when a certificate expires, read from its DER form; nothing is verified here.

The standard library decodes only certificates that it has verified.
"""

import ssl
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

SEQUENCE, INTEGER, UTC_TIME, TIME = 0x30, 0x02, 0x17, 0x18
FORMS = {UTC_TIME: "%y%m%d%H%M%S%z", TIME: "%Y%m%d%H%M%S%z"}
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def expiry(der: bytes) -> float | None:
    """Return `notAfter` in unix seconds; None of what is no certificate."""
    with suppress(ValueError, IndexError, KeyError, StopIteration):
        signed = next(_values(der, SEQUENCE))
        body = next(_values(signed, SEQUENCE))
        # Signature algorithm, issuer, validity: the third sequence.
        _, _, validity, *_ = _values(body, SEQUENCE)
        tag, written = list(_parts(validity))[1]
        moment = datetime.strptime(written.decode("ascii"), FORMS[tag]).astimezone(UTC)
        return moment.timestamp()
    return None


def expiry_of_pem(text: str) -> float | None:
    """Return that of the first certificate in a file, which is the server's own."""
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        return None
    with suppress(ValueError):
        return expiry(ssl.PEM_cert_to_DER_cert(text[begin : end + len(END)]))
    return None


def _values(data: bytes, wanted: int) -> Iterator[bytes]:
    return (value for tag, value in _parts(data) if tag == wanted)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each part: its tag and its value. Raises ValueError, IndexError."""
    at = 0
    while at < len(data):
        tag, length, start = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[start : start + size], "big")
            start += size
        if start + length > len(data):
            raise ValueError("cut")
        yield tag, data[start : start + length]
        at = start + length
