"""Basic authentication: bcrypt once, then a quick comparison for whoever came in before."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

LONGEST = 72
"""Bytes of a password that bcrypt looks at; what comes after them never counted anywhere."""


class Passwords:
    """Users and the hashes of their passwords.

    Whoever is unknown costs the same as a wrong password, so time tells nobody who exists.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._hashes = {user.encode(): text.encode() for user, text in users.items()}
        dearest = max((int(text[4:6]) for text in users.values()), default=4)
        self._nobody = b"$2b$%02d$%s" % (dearest, b"." * 53)
        # Right answers only, and none that could be read from a core dump.
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, bytes] = {}
        # Guessing takes one thread, never all of them.
        self._turn = asyncio.Semaphore(1)

    async def right(self, header: str | None) -> bool:
        """Whether that is an Authorization of one of our users."""
        given = credentials(header)
        if given is None:
            return False
        user, password = given
        seal = hmac.digest(self._key, hashlib.sha256(user).digest() + password, "sha256")
        if hmac.compare_digest(self._right.get(user, b""), seal):
            return True
        async with self._turn:
            from bcrypt import checkpw

            hashed = self._hashes.get(user, self._nobody)
            matches = await asyncio.to_thread(checkpw, password[:LONGEST], hashed)
        if not (matches and user in self._hashes):
            return False
        self._right[user] = seal
        return True


def credentials(header: str | None) -> tuple[bytes, bytes] | None:
    """User and password of an Authorization header; None where there are none."""
    scheme, _, packed = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(packed.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
