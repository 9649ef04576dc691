"""What a request at a door must look like, and how one that does not is turned away."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from atlas_core.worker import patience

MAX_BODY = 5 * 1024 * 1024
_FORM = "application/x-www-form-urlencoded"


class TurnedAway(Exception):
    """The call ends with this answer, and is counted."""

    def __init__(
        self, status: int, sentence: str = "", *, close: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = {**(headers or {}), **({"Connection": "close"} if close else {})}

    def response(self) -> Response:
        if not self.sentence:
            return Response(status_code=self.status, headers=self.headers)
        return JSONResponse({"error": self.sentence}, self.status, headers=self.headers)


def token_of(request: Request) -> bytes | None:
    """The one token a callback brings, in `Token` or as a bearer; None for none, several or an odd one."""
    given = [
        value
        for name, value in request.headers.raw
        if name == b"token" or (name == b"authorization" and value[:7].lower() == b"bearer ")
    ]
    if len(given) != 1:
        return None
    token = given[0][7:] if given[0][:7].lower() == b"bearer " else given[0]
    return token.strip() if 0 < len(token) <= 200 else None


def require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise TurnedAway(405, headers={"Allow": ", ".join(methods)})


def require_plain_framing(request: Request) -> None:
    """Two words about a body's length: our proxy may have believed the other one."""
    if "content-length" in request.headers and "transfer-encoding" in request.headers:
        raise TurnedAway(400, "Content-Length and Transfer-Encoding contradict each other.", close=True)


def require_plain_body(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 15 or int(length) > MAX_BODY):
        raise _too_large()
    encodings = request.headers.getlist("content-encoding")
    if any(encoding.strip().lower() not in ("identity", "") for encoding in encodings):
        raise TurnedAway(415, "Send the body without Content-Encoding.", close=True)
    if _is_called(request, "multipart/"):
        raise no_form()


def calls_itself_form(request: Request) -> bool:
    """Whether the body is said to be a form, as many clients say of whatever they send."""
    return _is_called(request, _FORM)


def no_form() -> TurnedAway:
    return TurnedAway(415, "Send the results as JSON, not as a form.", close=True)


def _is_called(request: Request, kind: str) -> bool:
    kinds = request.headers.getlist("content-type")
    return any(given.strip().lower().startswith(kind) for given in kinds)


async def body_of(request: Request) -> bytes:
    chunks, size = [], 0
    try:
        async with asyncio.timeout(patience.READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > MAX_BODY:
                    raise _too_large()
                chunks.append(chunk)
    except TimeoutError:
        raise TurnedAway(
            408, f"The body did not arrive within {patience.READ_SECONDS:g} seconds.", close=True
        ) from None
    except ClientDisconnect:
        raise TurnedAway(400, close=True) from None
    return b"".join(chunks)


def _too_large() -> TurnedAway:
    return TurnedAway(413, f"The body is larger than {MAX_BODY // 2**20} MB.", close=True)
