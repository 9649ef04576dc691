"""The access token: held in memory, renewed ahead of time by one thread while the others wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from atlas_core.errors import AtlasDeskError, CredentialsRefused, NotSent
from atlas_core.models import Token

RENEW_AT = 0.8  # of a token's life
REFUSED_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class Held:
    """A token and, on the holder's clock, when to renew it and when it ends."""

    token: Token
    renew_at: float
    ends_at: float


class Tokens:
    """One token for all threads.

    `fetch(attempts)` asks Atlas for a token. After a refusal nobody asks again for 30 s: each caller is
    told so at once. `wait_seconds` bounds how long a caller waits for another thread's request.
    """

    def __init__(
        self, fetch: Callable[[int], Token], clock: Callable[[], float], *, wait_seconds: float
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._held: Held | None = None
        self._request: Future[Held] | None = None
        self._refused_until: float | None = None

    @property
    def latest(self) -> Held | None:
        """What is held, old or not."""
        return self._held

    def current(self, asked: str, attempts: int) -> Held:
        """The token to use now for the call `asked`; fetched first where there is none or it is old.

        Where renewing fails although the held token still lives, it serves on and renewal is tried again in
        30 s. Raises CredentialsRefused, NotSent, or what `fetch` raises.
        """
        held = self._held
        now = self._clock()
        if held is not None and now < held.renew_at:
            return held
        if held is None or now >= held.ends_at:
            return self.renew(held, asked, attempts)
        if self._request is not None:
            return held
        try:
            return self.renew(held, asked, attempts)
        except CredentialsRefused:
            raise
        except AtlasDeskError:
            held.renew_at = self._clock() + REFUSED_SECONDS
            return held

    def renew(self, used: Held | None, asked: str, attempts: int) -> Held:
        """A token other than `used`: the one another thread has brought meanwhile, or a new one."""
        with self._lock:
            if self._held is not None and self._held is not used:
                return self._held
            self._check_refusal(asked)
            request = self._request
            leads = request is None
            if request is None:
                request = self._request = Future()
        if leads:
            self._lead(request, attempts)
        try:
            return request.result(self._wait_seconds)
        except TimeoutError:
            pass
        raise NotSent(
            asked, "another call is still waiting for a token", "Nothing was sent; it can be sent again."
        )

    def refuse(self, used: Held) -> None:
        """Atlas refused a token it had only just given: nobody asks for another for 30 s."""
        with self._lock:
            if self._held is used:
                self._held = None
                self._refused_until = self._clock() + REFUSED_SECONDS

    def _lead(self, request: Future[Held], attempts: int) -> None:
        started = self._clock()
        try:
            token = self._fetch(attempts)
        except BaseException as error:
            with self._lock:
                self._request = None
                if isinstance(error, CredentialsRefused):
                    self._held = None
                    self._refused_until = self._clock() + REFUSED_SECONDS
            request.set_exception(error)
            return
        held = Held(
            token,
            renew_at=started + RENEW_AT * token.expires_in,
            ends_at=started + token.expires_in,
        )
        with self._lock:
            self._held, self._request, self._refused_until = held, None, None
        request.set_result(held)

    def _check_refusal(self, asked: str) -> None:
        if self._refused_until is None:
            return
        left = self._refused_until - self._clock()
        if left > 0:
            raise CredentialsRefused(
                asked,
                "Atlas has just refused these credentials",
                f"Check ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET; they are tried again in {left:.0f} s.",
                401,
            )
