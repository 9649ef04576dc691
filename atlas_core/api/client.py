"""Atlas's Flow API: the token and the four calls, each of them answered or failed in our own words.

    GET status, GET extracts, POST authtoken    questions: asked up to `attempts` times
    POST flow/init, POST multiupload            deeds: sent again only where they certainly never left

What a caller may conclude from a deed's error:

    NotSent, Refused and its kinds (Busy too), UnexpectedReply    it was not done
    OutcomeUnknown                                                it may have been done: a person decides
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from atlas_core import __version__
from atlas_core.api import payloads
from atlas_core.api.identifiers import read_flow_uuid
from atlas_core.api.replies import understand
from atlas_core.api.retries import RetryBudget, pause_seconds
from atlas_core.api.tokens import Held, Tokens
from atlas_core.api.transport import Call, Wire
from atlas_core.errors import (
    AnotherFlow,
    AtlasError,
    Busy,
    CredentialsRefused,
    FlowNotFound,
    InputError,
    InsecureConnection,
    NoAnswer,
    NotSent,
    PayloadError,
    ReceiverUnreachable,
    Refused,
    SettingsError,
    UnexpectedReply,
    VersionRetired,
)
from atlas_core.models import FileToSend, FlowRequest, FlowStatus, Result, Token, UploadedFile

T = TypeVar("T")
OnCall = Callable[[str, float, AtlasError | None], None]

API_PREFIX = "/v3/verification"
ATTEMPTS = 3

_HEADERS = {
    "User-Agent": f"atlas-desk/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
}
_JSON_HEADERS = {**_HEADERS, "Content-Type": "application/json"}

_REFUSALS: dict[int, type[Refused]] = {401: CredentialsRefused, 410: VersionRetired}
_TOKEN_REFUSALS = {**_REFUSALS, 400: CredentialsRefused, 403: CredentialsRefused}
_INIT_REFUSALS = {**_REFUSALS, 422: ReceiverUnreachable}
_UPLOAD_REFUSALS = {**_INIT_REFUSALS, 409: FlowNotFound}
_FLOW_REFUSALS = {**_REFUSALS, 409: FlowNotFound}


class AtlasClient:
    """One Atlas, for many threads. Raises only errors of `atlas_core.errors`.

    `base_url` is Atlas's address without the API's prefix; `proxy` and `ca_bundle` stand in for what the
    environment would say, which is not read. `total_seconds` bounds each exchange whole, from the connection
    to the last byte, however slowly they drip (only the system's resolver keeps its own time).

    `on_call(endpoint, seconds, error)` is told of every request, repeated ones too, in the thread that made
    it: the endpoint ('status', 'flow/init', …), how long it took, and None where the answer was good.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        proxy: str | None = None,
        ca_bundle: Path | None = None,
        pool: int = 32,
        connect_seconds: float = 3.0,
        read_seconds: float = 10.0,
        total_seconds: float = 30.0,
        backoff_seconds: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        on_call: OnCall = lambda *_: None,
    ) -> None:
        for name, text in (("ATLAS_CLIENT_ID", client_id), ("ATLAS_CLIENT_SECRET", client_secret)):
            if not (text.isascii() and text.isprintable()):
                raise SettingsError(f"{name} may hold only plain printable characters.")
        self._root = base_url.rstrip("/") + API_PREFIX
        self._credentials = {**_HEADERS, "Client-Id": client_id, "Client-Secret": client_secret}
        self._backoff_seconds = backoff_seconds
        self._clock = clock
        self._on_call = on_call
        self._budget = RetryBudget()
        self._closed = threading.Event()
        self._wire = Wire(
            base_url,
            proxy=proxy,
            ca_bundle=ca_bundle,
            pool=pool,
            connect_seconds=connect_seconds,
            read_seconds=read_seconds,
            total_seconds=total_seconds,
        )
        self._tokens = Tokens(self._ask_for_token, clock, wait_seconds=total_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections and wake every thread that waits to ask again: its last failure stands."""
        self._closed.set()
        self._wire.close()

    def fetch_token(self) -> Token:
        """A new token from Atlas, whatever is held; it replaces the held one."""
        return self._tokens.renew(self._tokens.latest, "POST authtoken", ATTEMPTS).token

    @property
    def token_life(self) -> tuple[float, float] | None:
        """Seconds since the held token was asked for, and seconds until it ends; None where none is held."""
        held = self._tokens.latest
        if held is None:
            return None
        left = held.ends_at - self._clock()
        return held.token.expires_in - left, left

    def init_flow(self, request: FlowRequest) -> str:
        """POST flow/init: the new flow's flow_uuid. OutcomeUnknown where the answer was lost."""
        call = self._deed("flow/init", payloads.init_body(request), _INIT_REFUSALS)
        return self._call(call, lambda body: payloads.parse_flow_uuid(_json(body)), ATTEMPTS)

    def upload_files(self, flow_uuid: str, files: Sequence[FileToSend]) -> tuple[UploadedFile, ...]:
        """POST multiupload: what Atlas says of each file. OutcomeUnknown where the answer was lost."""
        _check_flow_uuid(flow_uuid)
        call = self._deed("multiupload", payloads.upload_body(flow_uuid, files), _UPLOAD_REFUSALS)
        return self._call(call, lambda body: payloads.parse_uploads(_json(body)), ATTEMPTS)

    def fetch_status(self, flow_uuid: str, *, attempts: int = ATTEMPTS) -> FlowStatus:
        """GET status: one look at the flow's four statuses. `attempts=1` for who looks again anyway."""
        call = self._question("status", flow_uuid)
        return self._call(call, lambda body: payloads.parse_status(_json(body)), attempts)

    def fetch_extracts(self, flow_uuid: str, *, attempts: int = ATTEMPTS) -> Result:
        """GET extracts: the flow's results as they are now, masked."""
        call = self._question("extracts", flow_uuid)

        def parse(body: bytes) -> Result:
            result = payloads.parse_result(body)
            if result.flow_uuid not in (None, flow_uuid):
                came = "the answer is about another flow than the one asked for; it was thrown away"
                raise AnotherFlow(call.asked, came, "It is somebody else's: tell Atlas's support.")
            return result

        return self._call(call, parse, attempts)

    # ------------------------------------------------------------------------------------- how it is asked

    def _question(self, name: str, flow_uuid: str) -> Call:
        _check_flow_uuid(flow_uuid)
        url = f"{self._root}/{name}?flow_uuid={flow_uuid}"
        return Call(f"GET {name}", "GET", url, _HEADERS, _FLOW_REFUSALS)

    def _deed(self, path: str, body: object, refusals: dict[int, type[Refused]]) -> Call:
        try:
            content = json.dumps(body, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError):
            raise InputError(
                f"POST {path} cannot be written as JSON: flow_params may hold only texts, finite numbers, "
                "yes or no, lists and objects."
            ) from None
        headers = {**_JSON_HEADERS, "Content-Length": str(len(content))}
        return Call(f"POST {path}", "POST", f"{self._root}/{path}", headers, refusals, content, is_deed=True)

    def _ask_for_token(self, attempts: int) -> Token:
        headers = {**self._credentials, "Content-Length": "0"}
        call = Call("POST authtoken", "POST", f"{self._root}/authtoken", headers, _TOKEN_REFUSALS)
        return self._repeat(call, {}, lambda body: payloads.parse_token(_json(body)), attempts)

    def _call(self, call: Call, parse: Callable[[bytes], T], attempts: int) -> T:
        """Ask with the held token; a 401 is worth one new token and one repetition."""
        held = self._token(call, lambda: self._tokens.current(call.asked, attempts))
        try:
            return self._repeat(call, {"Token": held.token.access_token}, parse, attempts)
        except CredentialsRefused:
            used = held
        held = self._token(call, lambda: self._tokens.renew(used, call.asked, attempts))
        try:
            return self._repeat(call, {"Token": held.token.access_token}, parse, attempts)
        except CredentialsRefused:
            self._tokens.refuse(held)
            raise

    def _repeat(self, call: Call, headers: dict[str, str], parse: Callable[[bytes], T], attempts: int) -> T:
        """The one place that asks again. The pause ends early when the client is closed."""
        self._budget.note_call()
        for attempt in itertools.count(1):
            try:
                return self._ask(call, headers, parse)
            except AtlasError as error:
                if attempt >= attempts or not _may_ask_again(call, error) or not self._budget.spend():
                    raise
                failure = error
            retry_after = failure.retry_after if isinstance(failure, Busy) else None
            if self._closed.wait(pause_seconds(attempt, retry_after, self._backoff_seconds)):
                break
        raise failure

    def _ask(self, call: Call, headers: dict[str, str], parse: Callable[[bytes], T]) -> T:
        """One request, and word of it to `on_call`."""
        started = time.monotonic()
        try:
            answer = understand(call, self._wire.exchange(call, headers), parse)
        except AtlasError as error:
            self._on_call(call.endpoint, time.monotonic() - started, error)
            raise
        self._on_call(call.endpoint, time.monotonic() - started, None)
        return answer

    @staticmethod
    def _token(call: Call, bring: Callable[[], Held]) -> Held:
        """A token for `call`. A deed that failed for want of one was not sent, whatever befell authtoken."""
        try:
            return bring()
        except AtlasError as error:
            if not call.is_deed or isinstance(error, NotSent | Busy | CredentialsRefused | VersionRetired):
                raise
            came = f"there was no token to send it with ({error.asked}: {error.came})"
        raise NotSent(call.asked, came, "Nothing was sent; it can be sent again.")


def _may_ask_again(call: Call, failure: AtlasError) -> bool:
    if isinstance(failure, NotSent):
        return not isinstance(failure, InsecureConnection)
    if call.is_deed or isinstance(failure, AnotherFlow):
        return False
    if isinstance(failure, NoAnswer | Busy):
        return True
    status = failure.status or 0
    return status >= 500 or (isinstance(failure, UnexpectedReply) and status < 300)


def _json(body: bytes) -> object:
    value, _flags = payloads.parse_json(body)
    return value


def _check_flow_uuid(flow_uuid: str) -> None:
    """InputError for what cannot be a flow_uuid: it would go into an address."""
    try:
        if read_flow_uuid(flow_uuid) is not None:
            return
    except PayloadError:
        pass
    raise InputError("This is no flow_uuid: that has 8 to 64 letters, digits and hyphens.")
