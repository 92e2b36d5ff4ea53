"""Basic authentication: bcrypt at the first request of a user, then a fast comparison."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping

LONGEST = 72
"""bcrypt uses only the first 72 bytes of a password."""


class Passwords:
    """Users and their password hashes.

    An unknown user takes as long as a wrong password, so timing does not reveal users.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._hashes = {user.encode(): text.encode() for user, text in users.items()}
        highest_cost = max((int(text[4:6]) for text in users.values()), default=4)
        self._unknown_user = b"$2b$%02d$%s" % (highest_cost, b"." * 53)
        # Only passwords that were right, and only as keyed digests.
        self._key = secrets.token_bytes(32)
        self._right: dict[bytes, bytes] = {}
        # One at a time: guessing passwords must not occupy all threads.
        self._turn = asyncio.Semaphore(1)

    async def right(self, header: str | None) -> bool:
        """Return True if an Authorization header has the right password of a user."""
        given = credentials(header)
        if given is None:
            return False
        user, password = given
        seal = hmac.digest(self._key, hashlib.sha256(user).digest() + password, "sha256")
        if hmac.compare_digest(self._right.get(user, b""), seal):
            return True
        async with self._turn:
            from bcrypt import checkpw

            hashed = self._hashes.get(user, self._unknown_user)
            matches = await asyncio.to_thread(checkpw, password[:LONGEST], hashed)
        if not (matches and user in self._hashes):
            return False
        self._right[user] = seal
        return True


def credentials(header: str | None) -> tuple[bytes, bytes] | None:
    """Return user and password of an Authorization header; None if there are none."""
    scheme, _, packed = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(packed.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user, password) if colon else None
