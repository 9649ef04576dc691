"""Nothing foreign leaves the client: no error of a library, no secret, no signed address."""

from __future__ import annotations

import http.client
import io
import json
import logging
import ssl
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3

from atlas_core.api.client import AtlasClient
from atlas_core.errors import AtlasError, NoAnswer, OutcomeUnknown
from atlas_core.models import FileToSend, FlowRequest
from tests.servers_http import (
    FLOW,
    SECRET,
    ScriptedAtlas,
    html,
    quick_client,
    raw,
    reply,
    reset,
    scripted_atlas,
    silence,
)

SIGNATURE = "5igned5igned5igned"
TOKEN = "tokentokentoken"
PATH_PART = "unguessable-path-part"
REQUEST = FlowRequest(
    "PROD_CDL",
    "APP-1",
    f"https://desk.example/auth/{PATH_PART}",
    f"https://desk.example/callback/{PATH_PART}",
)
FILES = [FileToSend("invoice", f"https://files.example/1.png?X-Amz-Signature={SIGNATURE}")]
SECRETS = (SECRET, SIGNATURE, TOKEN, PATH_PART)
CALLS: dict[str, Callable[[AtlasClient], object]] = {
    "status": lambda client: client.fetch_status(FLOW),
    "extracts": lambda client: client.fetch_extracts(FLOW),
    "flow/init": lambda client: client.init_flow(REQUEST),
    "multiupload": lambda client: client.upload_files(FLOW, FILES),
}
LIBRARIES = ("builtins", "socket", "ssl", "json", "http", "requests", "urllib3")


def tree(*roots: type[BaseException]) -> list[type[BaseException]]:
    """These classes and all below them that come from the libraries the client stands on."""
    found: dict[str, type[BaseException]] = {}
    waiting = list(roots)
    while waiting:
        kind = waiting.pop()
        waiting.extend(kind.__subclasses__())
        if kind.__module__.partition(".")[0] in LIBRARIES and not issubclass(kind, Warning):
            found[f"{kind.__module__}.{kind.__qualname__}"] = kind
    return [found[name] for name in sorted(found)]


FOREIGN = tree(
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ssl.SSLError,
    json.JSONDecodeError,
    UnicodeError,
    ValueError,
)


def made(kind: type[BaseException]) -> BaseException:
    """An error of this class that tells secrets."""
    error = kind.__new__(kind)
    error.args = (f"{SECRET} {TOKEN} {SIGNATURE} {PATH_PART}",)
    return error


class Failing(requests.adapters.BaseAdapter):
    """A way to Atlas that raises `error` instead of answering, or while its answer is read."""

    def __init__(self, error: BaseException, *, within_body: bool) -> None:
        super().__init__()
        self._error = error
        self._within_body = within_body

    def send(self, request: requests.PreparedRequest, **_kwargs: Any) -> requests.Response:  # type: ignore[override]
        assert request.url is not None
        response = requests.Response()
        if request.url.endswith("/authtoken"):
            response.status_code = 201
            body = io.BytesIO(json.dumps({"access_token": TOKEN, "expires_in": 3600}).encode())
            response.raw = urllib3.HTTPResponse(body, preload_content=False)
            return response
        if not self._within_body:
            raise self._error
        response.status_code = 200
        response.raw = FailingBody(self._error)
        return response

    def close(self) -> None:
        """Nothing is held."""


class FailingBody:
    length_remaining = None

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def read(self, *_args: object, **_kwargs: object) -> bytes:
        raise self._error

    def close(self) -> None:
        """Nothing is held."""


def test_the_trees_are_walked_whole() -> None:
    names = {kind.__name__ for kind in FOREIGN}
    assert len(FOREIGN) > 80
    assert names >= {
        "ReadTimeout",
        "InvalidProxyURL",
        "NameResolutionError",
        "IncompleteRead",
        "SSLCertVerificationError",
    }


@pytest.mark.parametrize("within_body", [False, True], ids=["before the answer", "within the answer"])
@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_library_error_leaves_the_client(kind: type[BaseException], within_body: bool) -> None:
    with quick_client("http://127.0.0.1:1", backoff_seconds=0) as client:
        client._wire.session.mount("http://127.0.0.1:1", Failing(made(kind), within_body=within_body))
        for path, call in CALLS.items():
            with pytest.raises(AtlasError) as caught:
                call(client)
            expected = NoAnswer if path in ("status", "extracts") else OutcomeUnknown
            assert type(caught.value) is expected
            assert caught.value.__cause__ is None
            assert caught.value.__context__ is None
            told = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
            assert not [secret for secret in SECRETS if secret in told]


@pytest.fixture
def atlas() -> Iterator[ScriptedAtlas]:
    with scripted_atlas() as server:
        server.script("authtoken", reply(201, {"access_token": TOKEN, "expires_in": 3600}))
        yield server


def test_neither_errors_nor_logs_nor_reprs_show_a_secret_c30(
    atlas: ScriptedAtlas, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="urllib3")  # a command run before in this process quiets it
    told: list[str] = []
    quoting = {"error": f"could not reach https://desk.example/auth/{PATH_PART} nor {FILES[0].file_url}"}
    with quick_client(atlas.url) as client:
        told += [
            repr(client),
            repr(client._tokens.current("GET status", 1)),
            repr(client._wire),
            repr(client.fetch_token()),
        ]
        for step in (
            reply(200, []),
            reply(422, quoting),
            reply(500, quoting),
            reply(200, quoting),
            html(200),
            raw("HTTP/1.1 200 OK\r\nContent-Length: 9", b"{", keep=False),
            reply(302, b"", headers={"Location": f"https://x.example/{PATH_PART}?s={SIGNATURE}"}),
            reset(),
            silence(),
            reply(401, {"error": "Invalid token"}),  # the last: it silences the client for a while
        ):
            for path, call in CALLS.items():
                atlas.script(path, step)
                with pytest.raises(AtlasError) as caught:
                    call(client)
                told += [repr(caught.value), *traceback.format_exception(caught.value)]
                told += [repr(vars(caught.value))]
    told += [record.getMessage() for record in caplog.records]
    assert any("/v3/verification/status" in line for line in told)  # urllib3's own log was heard
    assert not [line for line in told for secret in SECRETS if secret in line]
