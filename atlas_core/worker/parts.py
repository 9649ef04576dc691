"""The secret parts of the addresses we give to Atlas. The books know only their sha256."""

from __future__ import annotations

import hashlib
import secrets

AUTH_PATH = "/atlas/auth"
CALLBACK_PATH = "/atlas/callback"


def new_secret(size: int = 24) -> str:
    """An unguessable text of `size` random bytes, safe in an address."""
    return secrets.token_urlsafe(size)


def hash_of(secret: str | bytes) -> str:
    """sha256 in hex: what is kept of a secret."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).hexdigest()
