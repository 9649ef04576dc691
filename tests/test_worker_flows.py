"""Many flows through one worker at once, each over its own fault of the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from atlas_core.access import COMMAND
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import RunningWorker, running_worker, settings_for, until

FAULTS: dict[str, list[dict[str, Any]]] = {
    "init": [
        {"play": "reset", "application": "INIT-LOST", "done": True},
        {"play": "reset", "application": "AGAIN", "done": True, "times": 1},
        {"play": "callback_first", "application": "CALLBACK-FIRST"},
        {"play": "status", "application": "BUSY", "code": 503, "retry_after": 1, "times": 1, "done": False},
        {"play": "status", "application": "INIT-REFUSED", "code": 400, "message": "No", "done": False},
    ],
    "multiupload": [
        {"play": "reset", "application": "UPLOAD-LANDED", "done": True},
        {"play": "reset", "application": "UPLOAD-GONE", "done": False, "times": 1},
        {"play": "reset", "application": "LEFT", "done": False},
        {"play": "single_object", "application": "SINGLE"},
        {"play": "status", "application": "UPLOAD-REFUSED", "code": 422, "done": False},
    ],
    "status": [
        {"play": "set", "application": "FAILED", "values": {"master_status": "FAILED"}},
        {"play": "set", "application": "NEW-WORD", "values": {"master_status": "ON_HOLD"}},
        {"play": "success_while_pending", "application": "UNFINISHED"},
        {"play": "late_news", "application": "LATE-NEWS"},
        {"play": "set", "application": "TURNED", "values": {"master_status": "FAILED"}, "times": 1},
        {"play": "success_while_pending", "application": "TURNED-BACK", "times": 1, "when": "terminal"},
        {"play": "set", "application": "TURNED-BACK", "when": "terminal", "skip": 1}
        | {"values": {"master_status": "FAILED"}},
    ],
    "extracts": [
        {"play": "status", "application": "FAILED", "code": 409},
        {"play": "foreign_ids", "application": "FOREIGN"},
        {"play": "no_flow", "application": "NAMED"},
        {"play": "wrong_flow", "application": "STRANGER", "times": 1},
    ],
    "callback": [
        {"play": "drop", "application": "DROPPED"},
        {"play": "lie", "application": "LIE"},
        {"play": "echo", "application": "NAMED"},
        {"play": "with_ids", "application": "NAMED"},
        {"play": "delay", "application": "TARDY", "seconds": 14},
        {"play": "set", "application": "TARDY", "values": {"ocr_data.0.error_reason": "told later"}},
        {"play": "delay", "application": "TURNED", "seconds": 11},
        {"play": "set", "application": "TURNED", "values": {"ocr_data.0.error_reason": "told later"}},
        {"play": "duplicate", "application": "TWICE", "copies": 5},
        {"play": "wrong_application", "application": "WRONG-APPLICATION"},
        {"play": "wrong_flow", "application": "WRONG-FLOW"},
        {"play": "bearer", "application": "BEARER"},
        {"play": "raw", "application": "GARBAGE", "text": "{not json"},
    ],
}
WHOLE = [
    "PLAIN",
    "BUSY",
    "UPLOAD-LANDED",
    "SINGLE",
    "FOREIGN",
    "STRANGER",
    "DROPPED",
    "LIE",
    "TARDY",
    "TWICE",
    "NAMED",
]
WHOLE += ["WRONG-APPLICATION", "WRONG-FLOW", "BEARER", "GARBAGE", "LATE-NEWS", "UNFINISHED", "CALLBACK-FIRST"]
OTHERS = [
    "TURNED",
    "TURNED-BACK",
    "INIT-LOST",
    "INIT-REFUSED",
    "UPLOAD-GONE",
    "UPLOAD-REFUSED",
    "FAILED",
    "NEW-WORD",
    "AGAIN",
    "LEFT",
]


@dataclass
class Walked:
    """What the flows left: read, never changed, by the tests."""

    worker: RunningWorker
    sandbox: RunningSandbox
    calls: dict[str, Any]
    unknown_first: tuple[str, str | None]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    folder = tmp_path_factory.mktemp("flows")
    with running_sandbox(seconds=1.5) as sandbox:
        sandbox.play(FAULTS)
        settings = settings_for(folder, sandbox.url)
        with running_worker(settings, checks_patience=12, upload_patience=3) as worker:
            numbers = {name: worker.submit(name) for name in WHOLE + OTHERS}
            until(lambda: worker.attempt("UPLOAD-GONE")[0] == "upload unknown")
            unknown_first = worker.attempt("UPLOAD-GONE")
            worker.desk.decide(numbers["UPLOAD-GONE"], 1, "send files again", by=COMMAND)
            until(lambda: worker.attempt("AGAIN")[0] == "init unknown")
            worker.desk.decide(numbers["AGAIN"], 1, "start again", by=COMMAND)
            until(lambda: worker.attempt("LEFT")[0] == "upload unknown")
            worker.desk.decide(numbers["LEFT"], 1, "leave", by=COMMAND)
            until(lambda: worker.flow("UPLOAD-GONE")["confirmed_at"], 40)
            until(lambda: worker.flow("AGAIN")["confirmed_at"], 40)
            until(lambda: all(worker.flow(name)["confirmed_at"] for name in WHOLE), 30)
            until(lambda: ("callback", "late") in [row[1:3] for row in worker.deliveries("TARDY")], 20)
            until(lambda: worker.flow("TURNED")["master_status"] == "SUCCESS", 20)
            until(lambda: worker.flow("TURNED-BACK")["confirmed_at"], 20)
            worker.desk.want_look(worker.flow("PLAIN")["flow_uuid"], by=COMMAND)
            until(lambda: worker.deliveries("PLAIN")[1][3] == 2, 10)
            yield Walked(worker, sandbox, sandbox.calls(), unknown_first)


def test_every_flow_is_confirmed_by_what_was_fetched(walked: Walked) -> None:
    for name in WHOLE:
        flow = walked.worker.flow(name)
        assert flow["master_status"] == "SUCCESS", name
        assert flow["watched"] == 0, name
        assert flow["outcome"] in ("clear", "review"), name


def test_no_flow_is_asked_about_twice_within_five_seconds(walked: Walked) -> None:
    assert len(walked.calls["asks"]) > 15
    for asks in walked.calls["asks"].values():
        moments = sorted(moment for kind in asks.values() for moment in kind)
        assert all(later - earlier >= 5.0 for earlier, later in pairwise(moments))


def test_init_and_multiupload_are_called_once_for_each_application(walked: Walked) -> None:
    again = {"BUSY", "AGAIN"}  # Atlas had answered 503, having done nothing; a person had decided
    assert all(count == 1 for name, count in walked.calls["inits"].items() if name not in again)
    resent = walked.worker.flow("UPLOAD-GONE")["flow_uuid"]
    assert all(count == 1 for uuid, count in walked.calls["uploads"].items() if uuid != resent)


def test_a_lost_init_answer_is_unknown_and_never_sent_again_b48(walked: Walked) -> None:
    state, reason = walked.worker.attempt("INIT-LOST")
    assert state == "init unknown"
    assert reason
    assert walked.calls["inits"]["INIT-LOST"] == 1


def test_a_lost_upload_answer_that_landed_goes_on_by_itself_b49(walked: Walked) -> None:
    state, reason = walked.worker.attempt("UPLOAD-LANDED")
    assert state == "uploaded"
    assert reason is not None
    assert "unknown" in reason


def test_a_lost_upload_that_never_landed_is_sent_again_when_a_person_says_so_b49(
    walked: Walked,
) -> None:
    assert walked.unknown_first[0] == "upload unknown"
    assert "Send the files again" in str(walked.unknown_first[1])
    flow = walked.worker.flow("UPLOAD-GONE")
    assert walked.calls["uploads"][flow["flow_uuid"]] == 2
    assert walked.calls["inits"]["UPLOAD-GONE"] == 1
    numbers = walked.worker.rows(
        "SELECT number, state FROM attempts WHERE application_id = 'UPLOAD-GONE' ORDER BY number"
    )
    assert numbers == [(1, "upload unknown"), (2, "uploaded")]


def test_a_lost_init_answer_is_started_again_when_a_person_says_so(walked: Walked) -> None:
    states = walked.worker.rows(
        "SELECT number, state FROM attempts WHERE application_id = 'AGAIN' ORDER BY number"
    )
    assert states == [(1, "init unknown"), (2, "uploaded")]
    assert walked.calls["inits"]["AGAIN"] == 2


def test_an_upload_that_a_person_leaves_is_not_waited_for_any_more(walked: Walked) -> None:
    flow = walked.worker.flow("LEFT")
    assert (flow["watched"], flow["outcome"]) == (0, "unknown")
    assert "a person decided" in flow["trouble"]
    assert walked.worker.attempt("LEFT")[0] == "upload unknown"
    assert walked.calls["uploads"][flow["flow_uuid"]] == 1


def test_a_busy_atlas_is_asked_again_after_the_wait_it_names_b52(walked: Walked) -> None:
    assert walked.worker.attempt("BUSY")[0] == "uploaded"
    assert walked.calls["inits"]["BUSY"] == 2


def test_a_refusal_is_kept_with_its_sentence_and_not_repeated_b42(walked: Walked) -> None:
    for name in ("INIT-REFUSED", "UPLOAD-REFUSED"):
        state, reason = walked.worker.attempt(name)
        assert state == "refused"
        assert reason
    assert "Atlas cannot reach us: check ATLAS_RECEIVER_URL" in str(
        walked.worker.attempt("UPLOAD-REFUSED")[1]
    )
    empty = walked.worker.flow("UPLOAD-REFUSED")
    assert (empty["watched"], empty["outcome"]) == (0, "unknown")


def test_one_object_for_the_whole_upload_names_the_batch_of_every_file_b4(walked: Walked) -> None:
    files = walked.worker.rows(
        "SELECT s.batch_id, s.file_uuid FROM files s JOIN flows f USING (flow_id)"
        " WHERE f.application_id = 'SINGLE'"
    )
    assert len(files) == 2
    assert len({batch for batch, _ in files}) == 1
    assert all(batch and uuid is None for batch, uuid in files)


def test_a_dropped_callback_is_repaired_by_polling(walked: Walked) -> None:
    assert [row[1:3] for row in walked.worker.deliveries("DROPPED")] == [("extracts", "confirmed")]


def test_a_callback_is_provisional_until_the_fetch_confirms_it(walked: Walked) -> None:
    assert [row[1:3] for row in walked.worker.deliveries("PLAIN")] == [
        ("callback", "confirmed"),
        ("extracts", "confirms"),
    ]


def test_a_callback_that_names_more_than_the_fetch_is_confirmed_all_the_same(walked: Walked) -> None:
    assert [row[1:3] for row in walked.worker.deliveries("NAMED")] == [
        ("callback", "confirmed"),
        ("extracts", "confirms"),
    ]
    flow = walked.worker.flow("NAMED")
    assert walked.worker.rows("SELECT kind FROM alarms WHERE flow_id = ?", flow["flow_id"]) == []


def test_a_look_that_a_person_wants_asks_once_more_and_changes_nothing(walked: Walked) -> None:
    flow = walked.worker.flow("PLAIN")
    assert len(walked.calls["asks"][flow["flow_uuid"]]["extracts"]) == 2
    assert flow["watched"] == 0
    versions = walked.worker.rows("SELECT version FROM results WHERE flow_id = ?", flow["flow_id"])
    assert versions == [(1,)]


def test_a_bearer_token_is_taken_too_b65(walked: Walked) -> None:
    assert walked.worker.deliveries("BEARER")[0][1:3] == ("callback", "confirmed")


def test_a_forged_callback_is_outvoted_with_an_alarm_b74(walked: Walked) -> None:
    assert [row[1:3] for row in walked.worker.deliveries("LIE")] == [
        ("callback", "contradicted"),
        ("extracts", "confirmed"),
    ]
    flow = walked.worker.flow("LIE")
    kinds = walked.worker.rows("SELECT kind FROM alarms WHERE flow_id = ?", flow["flow_id"])
    assert ("callback contradicted",) in kinds
    flags = walked.worker.rows("SELECT kind FROM flags WHERE result_id = ?", flow["result_id"])
    assert ("callback differed",) in flags


def test_a_callback_after_confirmation_changes_nothing_b68(walked: Walked) -> None:
    assert ("callback", "late") in [row[1:3] for row in walked.worker.deliveries("TARDY")]
    flow = walked.worker.flow("TARDY")
    versions = walked.worker.rows("SELECT version FROM results WHERE flow_id = ?", flow["flow_id"])
    assert versions == [(1,)]


def test_a_callback_that_contradicts_what_was_confirmed_has_it_fetched_once_more_b69(walked: Walked) -> None:
    flow = walked.worker.flow("TARDY")
    until(lambda: walked.worker.deliveries("TARDY")[0][3] == 2)
    until(lambda: walked.worker.flow("TARDY")["watched"] == 0)
    asked = walked.sandbox.calls()["asks"][flow["flow_uuid"]]["extracts"]
    assert len(asked) == 2


def test_success_after_failed_stands_with_a_flag_and_an_alarm_b69(walked: Walked) -> None:
    until(lambda: walked.worker.flow("TURNED")["watched"] == 0)
    flow = walked.worker.flow("TURNED")
    assert (flow["master_status"], flow["outcome"]) == ("SUCCESS", "review")
    flags = walked.worker.rows("SELECT kind FROM flags WHERE result_id = ?", flow["result_id"])
    assert ("status contradicted",) in flags
    kinds = walked.worker.rows("SELECT kind FROM alarms WHERE flow_id = ?", flow["flow_id"])
    assert kinds == [("status contradicted",)]
    words = walked.worker.rows(
        "SELECT status FROM status_changes WHERE flow_id = ? AND stage = 'master' ORDER BY seen_at",
        flow["flow_id"],
    )
    assert words[-2:] == [("FAILED",), ("SUCCESS",)]


def test_failed_after_success_stands_with_a_flag_and_an_alarm_b69(walked: Walked) -> None:
    flow = walked.worker.flow("TURNED-BACK")
    assert (flow["master_status"], flow["outcome"], flow["watched"]) == ("FAILED", "failed", 0)
    kinds = walked.worker.rows("SELECT kind FROM alarms WHERE flow_id = ?", flow["flow_id"])
    assert kinds == [("status contradicted",)]


def test_the_same_callback_again_is_one_row_with_a_count_b66(walked: Walked) -> None:
    callbacks = [row for row in walked.worker.deliveries("TWICE") if row[1] == "callback"]
    assert [row[3] for row in callbacks] == [5]


def test_a_callback_before_inits_answer_finds_its_flow_b71(walked: Walked) -> None:
    callbacks = [row[1:3] for row in walked.worker.deliveries("CALLBACK-FIRST") if row[1] == "callback"]
    assert callbacks
    assert "orphan" not in [outcome for _, outcome in callbacks]


@pytest.mark.parametrize(
    ("name", "other"), [("WRONG-APPLICATION", "application"), ("WRONG-FLOW", "flow")], ids=["b73", "b72"]
)
def test_a_callback_about_another_is_put_aside_with_an_alarm_b72_b73(
    walked: Walked, name: str, other: str
) -> None:
    outcomes = [row[1:3] for row in walked.worker.deliveries(name)]
    assert outcomes == [("callback", "mismatch"), ("extracts", "confirmed")]
    kinds = walked.worker.rows(
        "SELECT l.kind FROM alarms l JOIN attempts a USING (attempt_id) WHERE a.application_id = ?", name
    )
    assert kinds == [(f"callback for another {other}",)]


def test_an_unreadable_callback_is_a_dead_letter_without_its_text_b75(walked: Walked) -> None:
    reason, body, size = walked.worker.rows(
        "SELECT d.reason, d.body, d.size FROM deliveries d JOIN attempts a USING (attempt_id)"
        " WHERE a.application_id = 'GARBAGE' AND d.outcome = 'dead letter'"
    )[0]
    assert body is None
    assert size == len("{not json")
    assert "not json" not in reason


def test_a_failed_flow_without_results_is_closed_with_its_reason(walked: Walked) -> None:
    until(lambda: walked.worker.flow("FAILED")["watched"] == 0)
    flow = walked.worker.flow("FAILED")
    assert flow["outcome"] == "failed"
    assert "no results" in flow["trouble"]


def test_an_unforeseen_status_is_shown_as_it_is_b22(walked: Walked) -> None:
    flow = walked.worker.flow("NEW-WORD")
    assert (flow["master_status"], flow["outcome"], flow["watched"]) == ("ON_HOLD", "unknown", 1)


def test_success_with_unfinished_checks_is_confirmed_after_a_while_and_flagged_b24(walked: Walked) -> None:
    flow = walked.worker.flow("UNFINISHED")
    flags = walked.worker.rows("SELECT kind FROM flags WHERE result_id = ?", flow["result_id"])
    assert ("cross-checks unfinished",) in flags
    assert flow["outcome"] == "review"


def test_documents_that_were_never_sent_are_flagged_b31(walked: Walked) -> None:
    flags = walked.worker.rows(
        "SELECT kind FROM flags WHERE result_id = ?", walked.worker.flow("FOREIGN")["result_id"]
    )
    assert ("document id never sent",) in flags


def test_an_answer_about_another_flow_is_thrown_away_with_an_alarm_b39(walked: Walked) -> None:
    flow = walked.worker.flow("STRANGER")
    kinds = walked.worker.rows("SELECT kind FROM alarms WHERE flow_id = ?", flow["flow_id"])
    assert ("answer about another flow",) in kinds
    assert flow["confirmed_at"]


def test_a_change_of_status_is_kept_as_the_interval_between_two_looks(walked: Walked) -> None:
    changes = walked.worker.rows(
        "SELECT s.not_before, s.seen_at, f.created_at FROM status_changes s JOIN flows f USING (flow_id)"
        " WHERE s.status <> 'NOT_STARTED'"
    )
    assert len(changes) > 30
    assert all(created_at <= not_before <= seen_at for not_before, seen_at, created_at in changes)
