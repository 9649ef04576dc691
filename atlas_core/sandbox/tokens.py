"""Access tokens as Atlas hands them out: HS256 JWTs that end after a while."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping

_HEADER = {"alg": "HS256", "typ": "JWT"}


def _part(value: Mapping[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()


class TokenMint:
    """Makes tokens and knows its own again; nothing is stored, so a restarted sandbox still knows them."""

    def __init__(self, key: str, seconds: int) -> None:
        self.seconds = seconds
        self._key = hashlib.sha256(key.encode()).digest()
        self._made = 0
        self._void_before = 0.0

    def _signature(self, text: str) -> str:
        signed = hmac.new(self._key, text.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(signed).rstrip(b"=").decode()

    def make(self) -> str:
        """A new token, good for `seconds`."""
        self._made += 1
        now = time.time()
        body = {"sub": "sandbox", "iat": now, "exp": now + self.seconds, "jti": self._made}
        text = f"{_part(_HEADER)}.{_part(body)}"
        return f"{text}.{self._signature(text)}"

    def knows(self, token: str) -> bool:
        """True for a token made here that has not ended and was not revoked."""
        text, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._signature(text).encode(), signature.encode()):
            return False
        body = text.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return bool(claims["iat"] > self._void_before and claims["exp"] > time.time())

    def revoke_all(self) -> None:
        """Every token made so far is refused from now on."""
        self._void_before = time.time()
