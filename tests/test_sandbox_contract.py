"""The sandbox answers as the vendor's pages say: statuses, shapes, messages, stages."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from atlas_core.sandbox import make_application
from tests.sandbox_caller import DONE, NEW, Caller
from tests.servers import running_lender, running_sandbox

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with running_sandbox(seconds=0.4) as sandbox, running_lender() as lender:
        yield Caller(sandbox, lender)


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl on this machine")
def test_the_documented_curl_calls_give_the_documented_statuses_and_shapes(caller: Caller) -> None:
    base = caller.sandbox.url

    def curl(*words: str) -> tuple[int, Any]:
        made = subprocess.run(
            ["curl", "-sS", "--noproxy", "*", "-w", "\n%{http_code}", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = made.stdout.rpartition("\n")
        return int(status), json.loads(body)

    def post(path: str, body: object, token: str) -> tuple[int, Any]:
        headers = ("-H", f"Token: {token}", "-H", "Content-Type: application/json")
        return curl("-X", "POST", base + path, *headers, "-d", json.dumps(body))

    status, made = curl(
        "-X",
        "POST",
        f"{base}/v3/verification/authtoken",
        "-H",
        "Client-Id: sandbox",
        "-H",
        "Client-Secret: sandbox",
    )
    assert status == 201
    assert set(made) == {"access_token", "expires_in"}
    assert made["expires_in"] == 3600
    token = made["access_token"]

    body = {
        "product_type": "PROD_CDL",
        "application_id": "CURL-1",
        "auth_url": f"{caller.lender.url}/auth",
        "callback_url": f"{caller.lender.url}/callback",
        "flow_params": {},
    }
    status, made = post("/v3/verification/flow/init", body, token)
    assert status == 201
    assert set(made) == {"flow_uuid"}
    assert UUID.fullmatch(made["flow_uuid"])
    flow = made["flow_uuid"]

    files = [
        {"file_url": "https://files.example.com/a/invoice.pdf?X-Amz-Signature=x", "document_id": "D1"},
        {"file_url": "https://files.example.com/a/delivery-order.jpg", "document_id": "D2"},
    ]
    status, made = post("/v3/verification/multiupload", {"flow_uuid": flow, "file_urls": files}, token)
    assert status == 201
    assert [set(item) for item in made] == [{"batch_id", "document_id", "file_uuid"}] * 2
    assert len({item["batch_id"] for item in made}) == 1
    assert re.fullmatch(r"BATCH-\d{5}-[A-Z]{5}-\d{14}", made[0]["batch_id"])
    assert len({item["file_uuid"] for item in made}) == 2

    status, made = curl(f"{base}/v3/verification/status?flow_uuid={flow}", "-H", f"Token: {token}")
    assert status == 200
    assert set(made) == {"upload_status", "processing_status", "crossheck_status", "master_status"}

    time.sleep(0.8)
    status, made = curl(f"{base}/v3/verification/extracts?flow_uuid={flow}", "-H", f"Token: {token}")
    assert status == 200
    assert set(made) == {"flow_uuid", "ocr_data", "cross_checks"}
    assert [set(item) for item in made["ocr_data"]] == [
        {"data", "document_id", "error_code", "error_reason"}
    ] * 2


def _refused(response: requests.Response, status: int, message: str) -> None:
    assert (response.status_code, response.json()) == (status, {"error": message})


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 400, "Missing Client-Id or Client-Secret"),
        ({"Client-Id": "sandbox"}, 400, "Missing Client-Id or Client-Secret"),
        ({"Client-Id": "sandbox", "Client-Secret": "no"}, 401, "Invalid Client-Id or Client-Secret"),
        ({"Client-Id": "no", "Client-Secret": "sandbox"}, 401, "Invalid Client-Id or Client-Secret"),
    ],
)
def test_a_token_is_refused_in_the_documented_words(
    caller: Caller, headers: dict[str, str], status: int, message: str
) -> None:
    _refused(caller.authtoken(headers), status, message)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0..", "\u00e9"])
def test_every_flow_call_refuses_a_strange_token(caller: Caller, token: str) -> None:
    stranger = Caller(caller.sandbox, caller.lender)
    stranger.token = token.encode() if token == "\u00e9" else token  # type: ignore[assignment]
    for response in (
        stranger.init(),
        stranger.multiupload("x", []),
        stranger.status("x"),
        stranger.extracts("x"),
    ):
        _refused(response, 401, "Invalid token")


def test_an_ended_or_revoked_token_is_refused() -> None:
    with running_sandbox(token_seconds=1) as sandbox, running_lender() as lender:
        caller = Caller(sandbox, lender)
        assert caller.authtoken().json()["expires_in"] == 1
        assert caller.init().status_code == 201
        time.sleep(1.05)
        _refused(caller.init(), 401, "Invalid token")
        caller = Caller(sandbox, lender)
        sandbox.revoke_tokens()
        _refused(caller.init(), 401, "Invalid token")
        assert Caller(sandbox, lender).init().status_code == 201


@pytest.mark.parametrize("empty", [..., "", None, []], ids=["absent", "text", "null", "list"])
@pytest.mark.parametrize("name", ["product_type", "application_id", "auth_url", "callback_url"])
def test_init_names_what_is_missing_or_empty(caller: Caller, name: str, empty: Any) -> None:
    _refused(caller.init(**{name: empty}), 400, f"Missing or empty required parameters: ['{name}']")


def test_init_names_several_missing_parameters_in_one_list(caller: Caller) -> None:
    _refused(
        caller.init(application_id="", callback_url=...),
        400,
        "Missing or empty required parameters: ['application_id', 'callback_url']",
    )


def test_init_needs_no_flow_params_and_starts_a_new_flow_each_time(caller: Caller) -> None:
    first, second = caller.init(flow_params=...), caller.init(flow_params=...)
    assert first.json()["flow_uuid"] != second.json()["flow_uuid"]


def test_atlas_calls_back_web_addresses_only(caller: Caller) -> None:
    for url in ("file:///etc/passwd", "ftp://x/y", "javascript:1", "http://", "http://[x", "http://x:y/"):
        _refused(caller.init(auth_url=url), 400, "Missing or empty required parameters: ['auth_url']")


def test_multiupload_refuses_in_the_documented_words(caller: Caller) -> None:
    flow = caller.init().json()["flow_uuid"]
    form = "Missing or empty required parameters: "
    one = {"file_url": "https://files.example.com/pan.png", "document_id": "D"}
    _refused(caller.multiupload("", [one]), 400, form + "['flow_uuid']")
    _refused(caller.multiupload(flow, []), 400, form + "['file_urls']")
    _refused(caller.multiupload(flow, [{"document_id": "D"}]), 400, form + "['file_url']")
    _refused(caller.multiupload(flow, [{**one, "file_url": "http://[x"}]), 400, form + "['file_url']")
    _refused(caller.multiupload(flow, ["x"]), 400, form + "['file_url', 'document_id']")
    _refused(caller.multiupload(flow, [{**one, "document_id": 7}]), 400, form + "['document_id']")
    _refused(caller.multiupload("no-such-flow", [one]), 409, "Flow not found")


def test_multiupload_is_refused_while_atlas_cannot_reach_auth_url(caller: Caller) -> None:
    one = [{"file_url": "https://files.example.com/pan.png", "document_id": "D"}]
    flow = caller.init(auth_url="http://127.0.0.1:9/auth").json()["flow_uuid"]
    _refused(caller.multiupload(flow, one), 422, "The configured auth_url could not be reached")
    assert tuple(caller.status(flow).json().values()) == NEW


def test_status_and_extracts_refuse_in_the_documented_words(caller: Caller) -> None:
    for ask in (caller.status, caller.extracts):
        _refused(ask(""), 400, "Missing required ['flow_uuid'] parameters")
        _refused(ask("no-such-flow"), 409, "Flow not found")


def test_other_paths_are_404_and_other_methods_405(caller: Caller) -> None:
    url = caller.sandbox.url + "/v3/verification"
    assert requests.get(url + "/nothing", timeout=5).status_code == 404
    assert requests.get(url + "/authtoken/", timeout=5).status_code == 404
    assert requests.get(url + "/authtoken", timeout=5).status_code == 405
    assert requests.post(url + "/status", timeout=5).status_code == 405


def test_stages_come_in_their_order_and_end() -> None:
    with running_sandbox(seconds=2) as sandbox, running_lender() as lender:
        watch_stages(Caller(sandbox, lender))


def watch_stages(caller: Caller) -> None:
    flow = caller.init(application_id="STAGES-1").json()["flow_uuid"]
    assert tuple(caller.status(flow).json().values()) == NEW
    files = [
        {"file_url": f"https://files.example.com/{name}.png", "document_id": name}
        for name in ("invoice", "do-")
    ]
    caller.multiupload(flow, files)
    seen = [NEW]
    partial: list[tuple[int, int]] = []
    until = time.monotonic() + 15
    while seen[-1] != DONE and time.monotonic() < until:
        now = tuple(caller.status(flow).json().values())
        results = caller.extracts(flow).json()
        if now != DONE:
            partial.append((len(results["ocr_data"]), len(results["cross_checks"])))
        if now != seen[-1]:
            seen.append(now)
    full = [
        NEW,
        ("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS"),
        ("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS"),
        ("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS"),
        ("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS"),
        DONE,
    ]
    assert seen == full
    assert partial[0] == (0, 0), "early extracts are silently incomplete"
    assert partial == sorted(partial)
    assert len(caller.extracts(flow).json()["ocr_data"]) == 2


def test_asking_again_gives_the_same_results(caller: Caller) -> None:
    flow = caller.finish(3)
    assert caller.extracts(flow).content == caller.extracts(flow).content


def test_a_second_upload_sets_the_flow_going_again(caller: Caller) -> None:
    flow = caller.finish(4)
    before = len(caller.extracts(flow).json()["ocr_data"])
    late = [{"file_url": "https://files.example.com/product-sticker.png", "document_id": "LATE"}]
    assert caller.multiupload(flow, late).json()[0]["document_id"] == "LATE"
    assert caller.status(flow).json()["master_status"] == "IN_PROGRESS"
    time.sleep(0.8)
    assert len(caller.extracts(flow).json()["ocr_data"]) == before + 1


@pytest.mark.parametrize("ill", ["missing", "expired"])
def test_a_file_that_cannot_be_fetched_fails_upload_and_flow(caller: Caller, ill: str) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    application = make_application("tests", 9, base_url=caller.sandbox.url, signed_at=long_ago, seconds=3600)
    files = application["documents"]
    if ill == "missing":
        files = [{"file_url": "https://files.example.com/missing/pan.png", "document_id": "D"}]
    flow = caller.init().json()["flow_uuid"]
    caller.multiupload(flow, files)
    time.sleep(0.4)
    status = tuple(caller.status(flow).json().values())
    assert status == ("FAILED", "NOT_STARTED", "NOT_STARTED", "FAILED")
    assert caller.extracts(flow).json() == {"flow_uuid": flow, "ocr_data": [], "cross_checks": []}


def test_calls_are_counted_for_tests_of_politeness(caller: Caller) -> None:
    application = make_application("tests", 12, base_url=caller.sandbox.url)
    flow = caller.init(application_id=application["application_id"]).json()["flow_uuid"]
    caller.multiupload(flow, application["documents"])
    for _ in range(3):
        caller.status(flow)
    counted = caller.sandbox.calls()
    assert counted["inits"][application["application_id"]] == 1
    assert counted["uploads"][flow] == 1
    asked = counted["asks"][flow]["status"]
    assert len(asked) == 3
    assert asked == sorted(asked)


def test_pictures_are_served_while_their_signature_lives(caller: Caller) -> None:
    now = datetime.now(UTC)
    fresh = make_application("tests", 20, base_url=caller.sandbox.url, signed_at=now, seconds=60)
    old = make_application(
        "tests", 20, base_url=caller.sandbox.url, signed_at=now - timedelta(seconds=61), seconds=60
    )
    for document in fresh["documents"]:
        picture = requests.get(document["file_url"], timeout=5)
        assert (picture.status_code, picture.headers["Content-Type"]) == (200, "image/png")
        assert picture.content.startswith(b"\x89PNG")
        assert len(picture.content) < 40_000
    url = fresh["documents"][0]["file_url"]
    for refused in (
        old["documents"][0]["file_url"],
        url.split("?")[0],
        url.replace("Expires=60", "Expires=9999"),
    ):
        assert requests.get(refused, timeout=5).status_code == 403
