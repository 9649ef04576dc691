"""Results that Atlas spoils on their way, from its wire to the books: one flow for each kind of damage.

Every answer takes half a second longer than it should, and the callbacks never come, so that what was fetched
stands alone.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from atlas_core.access import COMMAND
from atlas_core.api.payloads import parse_result
from atlas_core.sandbox.applications import SEED, read_application
from atlas_core.sandbox.cases import make_case
from tests.invented_numbers import numbers_left
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import RunningWorker, running_worker, settings_for, until

DOCUMENTS = 4
ODD = [
    *("lone_surrogate", "control_characters", "duplicate_keys", "nan_score", "infinite_score", "big_integer"),
    *("text_score", "odd_score", "bool_score", "null_score", "score_out_of_range", "score_below_range"),
    *(
        "small_scale",
        "confidence_out_of_range",
        "no_documents",
        "missing_lists",
        "null_lists",
        "unknown_type",
    ),
    *("bare_fields", "nested_fields", "extra_keys", "same_ids", "empty_ids", "missing_document"),
    *("duplicate_checks", "reversed_checks", "same_sides", "unknown_check", "many", "long_value", "markup"),
    *("hidden_characters", "aadhaar_everywhere", "odd_dates", "bom"),
]
BROKEN_ONCE = ["raw", "utf16", "huge_number", "deep"]
ORDER = ["los_ids", "both_spellings", "plain", *ODD]
for place, name in enumerate(BROKEN_ONCE):
    ORDER.insert(5 + 8 * place, name)  # not one after the other: that would speak against Atlas itself


@functools.cache
def application(play: str) -> str:
    """The application for a play: one that the sandbox, unspoiled, reads without a fault."""
    for number in itertools.count():
        name = f"{play.replace('missing', 'absent')}-{number}"  # it cannot fetch what is called missing
        files = [
            {"file_url": f"https://files.lender.example/{name}/{n}.pdf", "document_id": f"{name}-{n}"}
            | {"batch_id": "B", "file_uuid": "F"}
            for n in range(DOCUMENTS)
        ]
        results = read_application(
            *(name, files, "flow-0001", "PROD_CDL", SEED),
            base_url="http://127.0.0.1",
            read_at=datetime.now(UTC),
        )
        odd = parse_result(json.dumps(results).encode()).flags or make_case(SEED, name).failure
        whole = len(results["ocr_data"]) == DOCUMENTS and len(results["cross_checks"]) > 4
        if whole and not odd and not any(item["error_code"] for item in results["ocr_data"]):
            return name
    raise AssertionError


def spoils() -> dict[str, list[dict[str, Any]]]:
    """Every play, on its own application."""
    return {
        "*": [{"play": "delay", "seconds": 0.5}],
        "init": [{"play": "los_ids", "application": application("los_ids")}],
        "status": [{"play": "both_spellings", "application": application("both_spellings")}],
        "extracts": [
            *({"play": play, "application": application(play)} for play in ODD),
            *({"play": play, "application": application(play), "times": 1} for play in BROKEN_ONCE),
        ],
        "callback": [{"play": "drop"}],
    }


@dataclass
class Spoiled:
    """What the flows left, and how the worker was meanwhile."""

    worker: RunningWorker
    sandbox: RunningSandbox
    answered: list[float] = field(default_factory=list)  # seconds
    heartbeats: list[int] = field(default_factory=list)  # their age in milliseconds

    def flow(self, play: str) -> dict[str, Any]:
        return self.worker.flow(application(play))

    def of_result(self, play: str, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        return self.worker.rows(sql, self.flow(play)["result_id"], *parameters)

    def flags(self, play: str) -> set[str]:
        return {kind for (kind,) in self.of_result(play, "SELECT kind FROM flags WHERE result_id = ?")}

    def scores(self, play: str) -> list[tuple[Any, ...]]:
        return self.of_result(
            play,
            "SELECT similarity_score, similarity_raw FROM cross_checks WHERE result_id = ? ORDER BY position",
        )

    def field_of(self, play: str, name: str = "customer_name") -> tuple[Any, ...]:
        return self.of_result(
            play,
            "SELECT value, shape, confidence, confidence_raw FROM fields WHERE result_id = ? AND name = ?"
            " ORDER BY position",
            name,
        )[0]


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoiled]:
    with running_sandbox(seconds=0.3) as sandbox:
        sandbox.play(spoils())
        settings = settings_for(tmp_path_factory.mktemp("spoiled"), sandbox.url)
        with running_worker(settings) as worker:
            left = Spoiled(worker, sandbox)
            for play in ORDER:
                worker.submit(application(play), documents=DOCUMENTS)
            until(lambda: _all_confirmed(left), 90)
            yield left


def _all_confirmed(left: Spoiled) -> bool:
    begun = time.monotonic()
    with urllib.request.urlopen(f"{left.worker.address}/healthz", timeout=10) as answer:
        answer.read()
    left.answered.append(time.monotonic() - begun)
    seen_at = left.worker.rows("SELECT seen_at FROM worker_state WHERE name = 'worker'")[0][0]
    left.heartbeats.append(round(time.time() * 1000) - seen_at)
    return left.worker.rows("SELECT count(*) FROM flows WHERE confirmed_at IS NOT NULL") == [(len(ORDER),)]


def test_whatever_is_spoiled_every_flow_ends_with_one_version_of_its_results(spoiled: Spoiled) -> None:
    for play in ORDER:
        flow = spoiled.flow(play)
        assert (flow["master_status"], flow["watched"], flow["trouble"]) == ("SUCCESS", 0, None), play
        versions = spoiled.worker.rows("SELECT version FROM results WHERE flow_id = ?", flow["flow_id"])
        assert versions == [(1,)], play


@pytest.mark.parametrize("play", BROKEN_ONCE)
def test_an_answer_that_cannot_be_read_leaves_nothing_behind_and_is_asked_for_again_b1_b6_b13_b14(
    spoiled: Spoiled, play: str
) -> None:
    asks = spoiled.sandbox.calls()["asks"][spoiled.flow(play)["flow_uuid"]]["extracts"]
    assert len(asks) == 2
    assert spoiled.flags(play) == set()
    assert len(spoiled.scores(play)) > 4


@pytest.mark.parametrize(
    ("play", "flag"),
    {
        "lone_surrogate": "broken text",  # B8
        "control_characters": "control characters",  # B9
        "duplicate_keys": "key repeated",  # B10
        "nan_score": "not a number",  # B11
        "infinite_score": "not a number",  # B12
        "big_integer": "number too large",  # B13
        "text_score": "score as text",  # B15
        "odd_score": "score unusable",  # B16
        "bool_score": "score unusable",  # B17
        "score_out_of_range": "score unusable",  # B18
        "score_below_range": "score unusable",
        "small_scale": "score scale",  # B19
        "confidence_out_of_range": "confidence unusable",  # B20
        "null_score": "score missing",  # B21
        "both_spellings": "status spellings differ",  # B23
        "no_documents": "no documents",  # B25
        "missing_lists": "documents not delivered",  # B26
        "null_lists": "cross-checks not delivered",
        "same_ids": "document id repeated",  # B31
        "empty_ids": "document id empty",
        "missing_document": "document missing from the reply",
        "long_value": "value cut",  # B33
        "hidden_characters": "hidden characters",  # B35
        "odd_dates": "date unusable",  # B38
    }.items(),
)
def test_oddities_are_flagged_b8_b9_b10_b11_b12_b13_b15_b16_b17_b18_b19_b20_b21_b23_b25_b26_b31_b33_b35_b38(
    spoiled: Spoiled, play: str, flag: str
) -> None:
    assert flag in spoiled.flags(play)


def test_what_is_not_odd_is_not_flagged(spoiled: Spoiled) -> None:
    for play in ("plain", "bom", "los_ids", "extra_keys", "bare_fields", "nested_fields", "unknown_type"):
        assert spoiled.flags(play) == set(), play


@pytest.mark.parametrize(
    ("play", "score", "raw"),
    [
        ("duplicate_keys", 98, None),
        ("nan_score", None, "NaN"),
        ("infinite_score", None, "1e400"),
        ("text_score", 98.5, "98.5"),
        ("odd_score", None, "٩٨"),
        ("bool_score", None, "true"),
        ("null_score", None, None),
        ("score_out_of_range", None, "100.0001"),
        ("score_below_range", None, "-1"),
        ("small_scale", 0.93, None),
    ],
)
def test_a_score_is_read_or_missing_and_never_repaired_b10_b11_b12_b15_b16_b17_b18_b19(
    spoiled: Spoiled, play: str, score: float | None, raw: str | None
) -> None:
    assert spoiled.scores(play)[0] == (score, raw)
    if score is None:
        assert spoiled.flow(play)["outcome"] == "review"


def test_texts_are_kept_as_they_came_without_what_no_book_can_hold_b8_b9_b34(spoiled: Spoiled) -> None:
    assert spoiled.field_of("lone_surrogate")[0] == "Asha \ufffd Rao"
    assert spoiled.field_of("control_characters")[0] == "Asha [31mRao"
    assert str(spoiled.field_of("markup")[0]).startswith('=HYPERLINK("http://canary.invalid") <script>')


def test_a_confidence_off_its_scale_is_missing_and_kept_raw_b20(spoiled: Spoiled) -> None:
    assert spoiled.field_of("confidence_out_of_range")[2:] == (None, "95")


def test_lists_that_never_came_are_unknown_and_empty_ones_are_none_b25_b26(spoiled: Spoiled) -> None:
    counts = "SELECT documents, checks FROM results WHERE result_id = ?"
    assert spoiled.of_result("missing_lists", counts) == [(None, None)]
    assert spoiled.of_result("null_lists", counts) == [(None, None)]
    assert spoiled.of_result("no_documents", counts) == [(0, 0)]


def test_unknown_types_fields_and_shapes_are_kept_b28_b29(spoiled: Spoiled) -> None:
    types = spoiled.of_result("unknown_type", "SELECT document_type FROM documents WHERE result_id = ?")
    assert ("RATION_CARD",) in types
    assert spoiled.field_of("unknown_type", "shop_number")[0] == "FPS 12"
    assert spoiled.field_of("bare_fields")[1:3] == ("text", None)
    assert spoiled.field_of("nested_fields")[1] == "object"


def test_extra_keys_make_no_columns_b30(spoiled: Spoiled) -> None:
    for table in ("flows", "results", "documents", "fields"):
        columns = [name for _, name, *_ in spoiled.worker.rows(f"PRAGMA table_info({table})")]
        assert not {"__proto__", "id", "extra_1"} & set(columns)


def test_checks_that_look_alike_or_are_unknown_are_all_kept_b32(spoiled: Spoiled) -> None:
    for play in ("duplicate_checks", "reversed_checks"):
        plain = read_count(spoiled, play, "SELECT count(DISTINCT name) FROM cross_checks WHERE result_id = ?")
        assert len(spoiled.scores(play)) > plain - 1
    names = "SELECT name FROM cross_checks WHERE result_id = ? AND position = 0"
    assert spoiled.of_result("unknown_check", names) == [("SHOE_SIZE",)]
    sides = "SELECT source_doc, target_doc FROM cross_checks WHERE result_id = ? AND position = 0"
    assert spoiled.of_result("same_sides", sides)[0][0] == "INVOICE"


def read_count(spoiled: Spoiled, play: str, sql: str) -> int:
    return int(spoiled.of_result(play, sql)[0][0])


def test_very_many_and_very_long_things_are_kept_or_cut_with_a_note_b33(spoiled: Spoiled) -> None:
    assert len(spoiled.scores("many")) == 10_000
    assert read_count(spoiled, "many", "SELECT count(*) FROM documents WHERE result_id = ?") == 5_000
    value = str(spoiled.field_of("long_value")[0])
    assert len(value) <= 65_536
    assert re.search(r"\[cut: 1000000 bytes in all, sha256 ", value)


def test_no_whole_aadhaar_number_is_anywhere_in_the_book_b36(spoiled: Spoiled) -> None:
    columns = {"fields": "value", "cross_checks": "source_value", "documents": "error_reason"}
    told = repr(
        [
            spoiled.of_result("aadhaar_everywhere", f"SELECT {column} FROM {table} WHERE result_id = ?")  # noqa: S608
            for table, column in columns.items()
        ]
    )
    assert "XXXX XXXX" in told
    assert numbers_left(told) == []


def test_a_flow_uuid_need_not_be_one_b40(spoiled: Spoiled) -> None:
    assert spoiled.flow("los_ids")["flow_uuid"].startswith("LOS-")


def test_a_slow_atlas_holds_up_neither_the_receiver_nor_the_worker_b59(spoiled: Spoiled) -> None:
    assert max(spoiled.answered) < 5
    assert max(spoiled.heartbeats) < 10_000  # what the pages take for alive


def test_results_that_change_after_confirmation_are_a_new_version_that_counts_b45(spoiled: Spoiled) -> None:
    flow = spoiled.flow("plain")
    change = {"play": "set", "values": {"cross_checks.0.similarity_score": 12}}
    spoiled.sandbox.play({"extracts": change, "callback": {"play": "drop"}})
    spoiled.worker.desk.want_look(flow["flow_uuid"], by=COMMAND)
    versions = "SELECT version, min_similarity, confirmed FROM results WHERE flow_id = ? ORDER BY version"
    until(lambda: len(spoiled.worker.rows(versions, flow["flow_id"])) == 2)
    first, second = spoiled.worker.rows(versions, flow["flow_id"])
    assert first[1] > 12
    assert second == (2, 12, 1)
    assert spoiled.flags("plain") == {"changed after confirmation"}
    assert spoiled.flow("plain")["outcome"] == "review"
