"""One exchange with Atlas over HTTP: whole in time, bounded in size, sure of what was sent.

The only place that sees an error of `requests`, `urllib3`, `ssl` or the socket. What leaves it is a `Reply`
or one of `NotSent`, `InsecureConnection`, `NoAnswer` and `OutcomeUnknown`, without the foreign error attached
(its request carries the token).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from atlas_core.api.session import make_session
from atlas_core.api.sockets import EXCHANGE, Exchange
from atlas_core.errors import (
    AtlasError,
    InsecureConnection,
    NoAnswer,
    NotSent,
    OutcomeUnknown,
    Refused,
)

MAX_BODY = 20 * 1024 * 1024
"""Bytes of one answer, on the wire and decoded."""

DO_NOT_RESEND = "Atlas may have acted on it. Look for its effect before you send it again."

_FOREIGN = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,  # sockets and ssl
    ValueError,  # what cannot be written as a header or an address
)


@dataclass(frozen=True, slots=True)
class Call:
    """One thing asked of Atlas. A deed (flow/init, multiupload) must not happen twice."""

    asked: str
    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    refusals: dict[int, type[Refused]] = field(repr=False)  # what each error status means for this call
    body: bytes | None = field(default=None, repr=False)
    is_deed: bool = False

    @property
    def endpoint(self) -> str:
        """`asked` without its method: 'status', 'flow/init'."""
        return self.asked.partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: its status, the headers that matter, and its decoded body.

    `trouble` says why the body cannot be used, where it cannot; `is_whole` is False where the connection
    was lost within it.
    """

    status: int
    media_type: str
    retry_after: str
    location: str
    body: bytes = field(repr=False)
    trouble: str = ""
    is_whole: bool = True


class Wire:
    """A pooled session for one Atlas, for many threads."""

    def __init__(
        self,
        base_url: str,
        *,
        proxy: str | None,
        ca_bundle: Path | None,
        pool: int,
        connect_seconds: float,
        read_seconds: float,
        total_seconds: float,
    ) -> None:
        self._place = urlsplit(base_url).netloc.rpartition("@")[2] or "Atlas"
        self._time_outs = (min(connect_seconds, total_seconds), read_seconds)
        self._total_seconds = total_seconds
        self._read_seconds = read_seconds
        self.session = make_session(base_url, proxy=proxy, ca_bundle=ca_bundle, pool=pool)

    def close(self) -> None:
        """Close the kept connections; a later exchange is NotSent."""
        self.session.close()

    def exchange(self, call: Call, headers: dict[str, str]) -> Reply:
        """Send `call` with these headers besides its own, and read the answer.

        Raises NotSent or InsecureConnection when it certainly never left; OutcomeUnknown (a deed) or NoAnswer
        (a question) when no answer came.
        """
        # A deed always takes a fresh connection: a kept one that the server has just closed accepts the
        # request and then breaks, which cannot be told from an answer lost. A question may simply be asked
        # again on a fresh one.
        deadline = time.monotonic() + self._total_seconds
        exchange = Exchange(deadline, self._read_seconds, fresh=call.is_deed)
        outcome = self._attempt(call, headers, exchange)
        if exchange.was_stale:
            outcome = self._attempt(call, headers, Exchange(deadline, self._read_seconds, fresh=True))
        if isinstance(outcome, AtlasError):
            raise outcome
        return outcome

    def _attempt(self, call: Call, headers: dict[str, str], exchange: Exchange) -> Reply | AtlasError:
        before = EXCHANGE.set(exchange)
        try:
            return self._send(call, headers, exchange)
        except _FOREIGN as error:
            causes = list(_causes(error))
        finally:
            EXCHANGE.reset(before)
        broke = exchange.sent and not any(map(_is_time_out, causes))
        exchange.was_stale = broke and exchange.reused and not exchange.answered
        return self._failure(call, exchange, causes)

    def _send(self, call: Call, headers: dict[str, str], exchange: Exchange) -> Reply:
        request = requests.PreparedRequest()
        request.method = call.method
        request.url = call.url
        request.headers = requests.structures.CaseInsensitiveDict({**call.headers, **headers})
        request.body = call.body
        response = self.session.send(
            request, stream=True, timeout=self._time_outs, allow_redirects=False, proxies={}
        )
        try:
            return self._read(response, exchange)
        finally:
            response.raw.close()

    def _read(self, response: requests.Response, exchange: Exchange) -> Reply:
        headers = response.headers
        body, trouble, is_whole = b"", "", True
        try:
            body = response.raw.read(MAX_BODY + 1, decode_content=False) or b""
            if response.raw.length_remaining and len(body) <= MAX_BODY:
                trouble, is_whole = f"the answer broke off after {len(body)} bytes", False
        except _FOREIGN as error:
            is_whole = False
            trouble = self._silence(exchange, list(_causes(error)), "the answer broke off")
        if is_whole:
            body, trouble = _decode(body, headers.get("Content-Encoding", ""))
        return Reply(
            status=response.status_code,
            media_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            retry_after=headers.get("Retry-After", ""),
            location=headers.get("Location", ""),
            body=b"" if trouble else body,
            trouble=trouble,
            is_whole=is_whole,
        )

    def _failure(self, call: Call, exchange: Exchange, causes: list[BaseException]) -> AtlasError:
        if exchange.sent:
            broke = f"the connection to {self._place} broke before the whole answer came"
            came = self._silence(exchange, causes, broke)
            if call.is_deed:
                return OutcomeUnknown(call.asked, came, DO_NOT_RESEND)
            return NoAnswer(call.asked, came, "It can be asked again.")
        if any(isinstance(cause, ssl.SSLError | ssl.CertificateError) for cause in causes):
            return InsecureConnection(
                call.asked,
                f"the TLS connection to {self._place} was refused: {_tls_reason(causes)}",
                "Nothing was sent. Check ATLAS_BASE_URL, ATLAS_CA_BUNDLE and this machine's clock.",
            )
        return NotSent(call.asked, self._obstacle(causes), "Nothing was sent; it can be sent again.")

    def _silence(self, exchange: Exchange, causes: list[BaseException], otherwise: str) -> str:
        if exchange.is_over:
            return f"no whole answer came within {self._total_seconds:g} s"
        if any(map(_is_time_out, causes)):
            return f"{self._place} said nothing for {self._read_seconds:g} s"
        return otherwise

    def _obstacle(self, causes: list[BaseException]) -> str:
        kinds = tuple(type(cause) for cause in causes)
        for kind, sentence in (
            (urllib3.exceptions.ProxyError, f"the proxy gave no connection to {self._place}"),
            (socket.gaierror, f"{self._place} cannot be found (no address for this name)"),
            (ConnectionRefusedError, f"{self._place} refused the connection"),
            (TimeoutError, f"no connection to {self._place} within {self._time_outs[0]:g} s"),
            (urllib3.exceptions.ClosedPoolError, "this client has been closed"),
            (ValueError, "the request cannot be written as HTTP"),
        ):
            if any(issubclass(found, kind) for found in kinds):
                return sentence
        return f"no connection to {self._place}"


def _decode(body: bytes, encoding: str) -> tuple[bytes, str]:
    """The body without its content encoding, at most `MAX_BODY` bytes; or why it cannot be had."""
    if len(body) > MAX_BODY:
        return b"", f"the answer is larger than {MAX_BODY >> 20} MB"
    match encoding.strip().lower():
        case "" | "identity":
            return body, ""
        case "gzip" | "x-gzip":
            pass
        case _:
            return b"", "the answer has an encoding we did not ask for"
    inflate = zlib.decompressobj(wbits=31)
    try:
        plain = inflate.decompress(body, MAX_BODY + 1)
    except zlib.error:
        return b"", "the answer is not sound gzip"
    if len(plain) > MAX_BODY:
        return b"", f"the answer is larger than {MAX_BODY >> 20} MB when unpacked"
    if body and not inflate.eof:
        return b"", "the gzip answer ends too early"
    return plain, ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """`error` and every error within it: as an argument, as its reason, or as what it was raised from."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = (*one.args, getattr(one, "reason", None), one.__cause__, one.__context__)
        waiting.extend(cause for cause in inner if isinstance(cause, BaseException))


def _is_time_out(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | requests.Timeout | urllib3.exceptions.TimeoutError)


def _tls_reason(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_message:
            return cause.verify_message
        if isinstance(cause, ssl.SSLError) and cause.reason:
            return cause.reason.replace("_", " ").lower()
    return "no secure connection could be agreed"
