"""What happens at the doors: check, note, answer. Atlas fetches a token at one and brings its callbacks to
the other.

In this order: the method, the path, where it comes from, the token, the body's length and form; only then is
it read, understood, masked and kept, and 2xx is said after the commit. Who fails leaves a count and nothing
else, and is told to wait if he goes on. What a callback means is `sync`'s business.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import re
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from atlas_core.api.masking import mask_text
from atlas_core.api.payloads import parse_result
from atlas_core.books import doors, inbox
from atlas_core.books.worklist import Door, Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookBusy, BookError, PayloadError
from atlas_core.models import Result
from atlas_core.worker.callers import Callers, neighbourhood
from atlas_core.worker.calls import (
    TurnedAway,
    body_of,
    calls_itself_form,
    no_form,
    require_method,
    require_plain_body,
    require_plain_framing,
    token_of,
)
from atlas_core.worker.door_tally import DoorTally
from atlas_core.worker.knocks import Knocks
from atlas_core.worker.loop_probe import LoopProbe
from atlas_core.worker.parts import AUTH_PATH, CALLBACK_PATH, hash_of, new_secret

TOKEN_SECONDS = 600
COMMIT_SECONDS = 25.0  # the book itself waits 15 s for whoever holds it
_LARGE_BODY = 256 * 1024  # parsed beside the event loop, so that others are answered meanwhile
_DOOR = re.compile(rf"({AUTH_PATH}|{CALLBACK_PATH})/([A-Za-z0-9_-]{{1,200}})".encode())

T = TypeVar("T")

_log = logging.getLogger("atlas_core.worker.receiver")


@dataclass(frozen=True, slots=True)
class Call:
    """One request at a door."""

    request: Request
    door: str  # "auth", "callback" or "other"
    part: str
    caller: str
    may_call: bool


class Doors:
    """Both doors over one book, for one event loop. `on_callback` must not block."""

    def __init__(
        self,
        writer: AtlasWriter,
        book: Path,
        callers: Callers,
        tally: DoorTally,
        *,
        credentials: Sequence[tuple[str, str]] = (),
        on_callback: Callable[[], None],
    ) -> None:
        self.probe: LoopProbe | None = None
        self._writer = writer
        self._book = book
        self._callers = callers
        self._tally = tally
        self._knocks = Knocks()
        self._credentials = [(hash_of(client_id), hash_of(secret)) for client_id, secret in credentials]
        self._on_callback = on_callback
        self._worklist: Worklist

    def open(self) -> None:
        """In the event loop's thread, before the first call."""
        self._worklist = Worklist(self._book)

    def close(self) -> None:
        """In the event loop's thread, after the last call."""
        self._worklist.close()

    async def answer(self, request: Request) -> Response:
        """The answer to a request for either door, or for neither."""
        match = _DOOR.fullmatch(request.scope["raw_path"])
        door = "other" if match is None else "auth" if match[1] == AUTH_PATH.encode() else "callback"
        address = self._callers.address_of(request.scope)
        call = Call(
            request,
            door,
            match[2].decode() if match else "",
            neighbourhood(address),
            self._callers.may_call(address),
        )
        try:
            return await self._answer(call)
        except TurnedAway as away:
            self._tally.refused(call.door, away.status, call.caller, at=now_ms())
            return away.response()
        except BookError as error:
            _log.error("call could not be kept", extra={"door": call.door, "reason": type(error).__name__})
            self._tally.refused(call.door, 503, call.caller, at=now_ms())
            return TurnedAway(
                503, "This cannot be kept just now. Send it again later.", headers={"Retry-After": "30"}
            ).response()

    async def _answer(self, call: Call) -> Response:
        require_plain_framing(call.request)
        if call.door == "auth":
            require_method(call.request, "GET", "POST")
            return await self._give_token(call)
        if call.door == "callback":
            require_method(call.request, "POST")
            return await self._take_callback(call)
        raise self._stranger(call)

    # ------------------------------------------------------------------------------------------ the doors

    async def _give_token(self, call: Call) -> Response:
        token = new_secret(32)
        if self.probe is not None and self.probe.gives(call.part, token):
            return _token_answer(token)
        door = self._worklist.auth_door(hash_of(call.part)) if call.may_call else None
        if door is None:
            raise self._stranger(call)
        if self._credentials and not self._are_ours(call.request):
            raise self._failed(call, door, "Client-Id or Client-Secret is wrong.")
        now = now_ms()
        await self._committed(
            self._writer.write_soon(
                doors.save_token,
                hash_of(token),
                door.attempt_id,
                caller=call.caller,
                expires_at=now + TOKEN_SECONDS * 1000,
                now=now,
            )
        )
        self._tally.gave_token()
        return _token_answer(token)

    async def _take_callback(self, call: Call) -> Response:
        request, token = call.request, token_of(call.request)
        if self.probe is not None and self.probe.takes(call.part, token, self._callers.hidden(request.scope)):
            return JSONResponse({"ok": True})
        door = self._worklist.callback_door(hash_of(call.part)) if call.may_call else None
        if door is None:
            raise self._stranger(call)
        if token is None or not self._worklist.has_live_token(hash_of(token), now_ms()):
            sentence = "The token is missing, wrong or has expired. Fetch one at the auth_url."
            raise self._failed(call, door, sentence)
        require_plain_body(request)
        body = await body_of(request)
        try:
            if len(body) > _LARGE_BODY:
                result = await asyncio.to_thread(parse_result, body)
            else:
                result = parse_result(body)
        except Exception as error:  # our own mistake too: the sender can only send the same again
            if isinstance(error, PayloadError) and calls_itself_form(request):
                raise no_form() from None
            await self._bury(door, body, error)
            raise TurnedAway(400, "The body cannot be read as results.") from None
        await self._keep(door, result)
        return JSONResponse({"ok": True})

    # ------------------------------------------------------------------------------------- who may not pass

    def _are_ours(self, request: Request) -> bool:
        """Whether the caller shows one of our pairs; each is compared, so that time tells nothing."""
        shown_id = hash_of(request.headers.get("client-id", ""))
        shown_secret = hash_of(request.headers.get("client-secret", ""))
        found = [
            secrets.compare_digest(shown_id, client_id) & secrets.compare_digest(shown_secret, secret)
            for client_id, secret in self._credentials
        ]
        return any(found)

    def _stranger(self, call: Call) -> TurnedAway:
        """Who knows no address of ours, or calls from where Atlas does not, learns nothing."""
        return self._patience(call.caller) or TurnedAway(404, "There is nothing here.")

    def _failed(self, call: Call, door: Door, sentence: str) -> TurnedAway:
        """Who knows an address, but not its secret: counted for that address alone."""
        return self._patience((call.caller, call.door, door.attempt_id)) or TurnedAway(401, sentence)

    def _patience(self, knocker: object) -> TurnedAway | None:
        wait = self._knocks.failed(knocker)
        if not wait:
            return None
        return TurnedAway(429, "Too many failed calls.", headers={"Retry-After": str(math.ceil(wait))})

    # ------------------------------------------------------------------------------------------ what is kept

    async def _keep(self, door: Door, result: Result) -> None:
        ours = mask_text(door.application_id)[0]
        outcome = await self._committed(
            self._writer.write_soon(
                inbox.save_callback,
                door.attempt_id,
                result,
                other_application=result.application_id not in (None, ours),
                received_at=now_ms(),
            )
        )
        _log.info("callback kept", extra={"attempt": door.attempt_id, "outcome": outcome})
        self._on_callback()

    async def _bury(self, door: Door, body: bytes, error: Exception) -> None:
        foreseen = isinstance(error, PayloadError)
        reason = str(error) if foreseen else f"it could not be read ({type(error).__name__})"
        await self._committed(
            self._writer.write_soon(
                inbox.record_dead_letter,
                door.attempt_id,
                digest=hashlib.sha256(body).hexdigest(),
                size=len(body),
                reason=reason,
                received_at=now_ms(),
            )
        )
        about = {"attempt": door.attempt_id, "size": len(body)}
        _log.warning("callback unreadable", extra=about, exc_info=None if foreseen else error)

    async def _committed(self, job: Future[T]) -> T:
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                return await asyncio.wrap_future(job)
        except TimeoutError:
            raise BookBusy("the writer did not get to it in time") from None


def _token_answer(token: str) -> Response:
    return JSONResponse({"access_token": token, "expires_in": TOKEN_SECONDS})
