"""A door for one minute, through which the worker calls itself at the address that Atlas is given."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Literal

from atlas_core.setting_values import Address
from atlas_core.worker.parts import AUTH_PATH, CALLBACK_PATH, hash_of, new_secret

OPEN_SECONDS = 60.0

Reached = Literal["nothing", "auth", "callback"]


@dataclass(frozen=True, slots=True)
class LoopTest:
    """Whether the address that Atlas is given leads back to us, a sentence about it, and which of our doors
    was reached: `nothing`, `auth` (a token came out) or `callback` (one came in with that token)."""

    ok: bool
    sentence: str
    reached: Reached = "nothing"


class LoopProbe:
    """Secret paths that only we know and that no attempt stands behind. Nothing that comes here is kept."""

    def __init__(self) -> None:
        self._auth_part = new_secret()
        self._callback_part = new_secret()
        self._until = time.monotonic() + OPEN_SECONDS
        self._token: str | None = None
        self.arrived = False
        self.through: Address | None = None

    @property
    def reached(self) -> Reached:
        """The last of our doors that was reached."""
        return "callback" if self.arrived else "auth" if self._token is not None else "nothing"

    @property
    def auth_path(self) -> str:
        """Where a token is fetched."""
        return f"{AUTH_PATH}/{self._auth_part}"

    @property
    def callback_path(self) -> str:
        """Where the callback goes."""
        return f"{CALLBACK_PATH}/{self._callback_part}"

    def gives(self, part: str, token: str) -> bool:
        """Whether this is the probe's auth address; then `token` opens its callback address."""
        if not self._is(part, self._auth_part):
            return False
        self._token = token
        return True

    def takes(self, part: str, token: bytes | None, through: Address | None) -> bool:
        """Whether this is the probe's own callback, with its token. `through`: a proxy nobody told us of."""
        if not self._is(part, self._callback_part) or token is None or self._token is None:
            return False
        self.through = through
        self.arrived = secrets.compare_digest(hash_of(token), hash_of(self._token))
        return self.arrived

    def _is(self, given: str, part: str) -> bool:
        return time.monotonic() < self._until and secrets.compare_digest(hash_of(given), hash_of(part))
