"""When an alert is wanted, and what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from atlas_core.books.alerts import Alert
from atlas_core.books.queries import AlertFacts, Found, WorkerState
from atlas_core.worker.alert_rules import LASTING_MS, RULES, Standing, told_in_text, wanted_alerts

NOW = 1_790_000_000_000
HOUR = 3_600_000
WELL = AlertFacts(
    now=NOW, stuck=Found(), dead_letters=Found(), ended=100, failed=0, fetched=100, uncalled=0, states={}
)
STANDING = Standing(0.2, {"atlas.db": 6, "desk.db": 1}, free_bytes=50_000_000_000)


def wanted(standing: Standing = STANDING, **facts: Any) -> list[Alert]:
    return wanted_alerts(replace(WELL, **facts), standing)


def rules(standing: Standing = STANDING, **facts: Any) -> list[str]:
    return [alert.rule for alert in wanted(standing, **facts)]


def state(name: str, word: str, ago: int = 0) -> dict[str, WorkerState]:
    return {name: WorkerState(word, NOW - ago, NOW - ago, "")}


def test_nothing_is_wanted_while_all_is_well() -> None:
    assert wanted() == []
    everything = {**state("atlas", "ok"), **state("backup", "ok"), **state("backup of desk.db", "ok", HOUR)}
    assert wanted(states=everything) == []


def test_each_stuck_flow_and_each_dead_letter_is_a_case_of_its_own() -> None:
    alerts = wanted(stuck=Found(("flow-1", "flow-2"), 2), dead_letters=Found(("17",), 1))
    assert [(alert.rule, alert.subject) for alert in alerts] == [
        ("stuck flow", "flow-1"),
        ("stuck flow", "flow-2"),
        ("dead letter", "17"),
    ]


def test_more_cases_than_are_named_are_counted_in_one() -> None:
    alerts = wanted(stuck=Found(("flow-1", "flow-2"), 1002))
    assert [(alert.subject, alert.cases) for alert in alerts] == [
        ("flow-1", 1),
        ("flow-2", 1),
        ("others", 1000),
    ]


@pytest.mark.parametrize(
    ("ended", "failed", "is_wanted"),
    [(19, 19, False), (20, 3, False), (20, 4, True), (100, 19, False), (100, 20, True), (0, 0, False)],
)
def test_a_failure_share_is_told_only_of_enough_flows(ended: int, failed: int, is_wanted: bool) -> None:
    assert (rules(ended=ended, failed=failed) == ["failure share"]) is is_wanted


def test_the_failure_share_names_its_count() -> None:
    (alert,) = wanted(ended=50, failed=25)
    assert alert.words == "50% of the newest 50 ended flows failed (25 flows)."


@pytest.mark.parametrize(
    ("fetched", "uncalled", "is_wanted"), [(2, 2, False), (3, 3, True), (1000, 50, False), (1000, 100, True)]
)
def test_missing_callbacks_are_told_where_several_and_a_share_are_missing(
    fetched: int, uncalled: int, is_wanted: bool
) -> None:
    assert (rules(fetched=fetched, uncalled=uncalled) == ["callbacks missing"]) is is_wanted


def test_refused_credentials_are_told_when_the_refusal_lasts_and_a_retired_version_at_once() -> None:
    assert rules(states=state("atlas", "refused", LASTING_MS - 1)) == []
    assert rules(states=state("atlas", "refused", LASTING_MS)) == ["credentials refused"]
    assert rules(states=state("atlas", "retired")) == ["version retired"]
    for word in ("ok", "unreachable", "failing", "busy"):
        assert rules(states=state("atlas", word, HOUR)) == []


def test_a_disk_nearly_full_is_told_until_there_is_clearly_room_again() -> None:
    limit = 512 * 1024 * 1024
    assert rules(replace(STANDING, free_bytes=limit)) == []
    assert rules(replace(STANDING, free_bytes=limit - 1)) == ["disk"]
    raised = replace(STANDING, raised=frozenset({"disk"}))
    assert rules(replace(raised, free_bytes=limit)) == ["disk"]
    assert rules(replace(raised, free_bytes=limit * 2)) == []
    assert rules(replace(STANDING, free_bytes=None)) == []


def test_what_swings_about_its_limit_is_not_told_again_and_again() -> None:
    raised = replace(STANDING, raised=frozenset({"failure share", "callbacks missing"}))
    assert rules(raised, failed=18, fetched=100, uncalled=9) == ["failure share", "callbacks missing"]
    assert rules(raised, failed=16, fetched=100, uncalled=8) == []


def test_a_backup_is_old_after_three_of_its_turns() -> None:
    for book, hours in (("desk.db", 3), ("atlas.db", 18)):
        name = f"backup of {book}"
        assert rules(states=state(name, "ok", hours * HOUR)) == []
        (alert,) = wanted(states=state(name, "ok", hours * HOUR + 1))
        assert (alert.rule, alert.subject) == ("backup", book)


def test_without_any_good_backup_it_is_told_only_when_one_failed() -> None:
    assert rules() == []
    assert rules(states=state("backup", "failed")) == ["backup", "backup"]
    off = replace(STANDING, backup_hours={"atlas.db": 0, "desk.db": 0})
    assert rules(off, states=state("backup of desk.db", "ok", 1000 * HOUR)) == []


def test_every_rule_has_a_name_that_the_numbers_use() -> None:
    states = {**state("atlas", "refused", HOUR), **state("backup", "failed")}
    facts: dict[str, Any] = {
        "stuck": Found(("flow-1",), 1),
        "dead_letters": Found(("1",), 1),
        "failed": 90,
        "uncalled": 90,
        "states": states,
    }
    told = set(rules(replace(STANDING, free_bytes=1), **facts))
    told |= set(rules(states=state("atlas", "retired")))
    assert told == set(RULES)


# ------------------------------------------------------------------------------------------ one message


def test_one_message_tells_of_everything_rule_by_rule() -> None:
    flows = [Alert("stuck flow", f"flow-{n}", f"Flow flow-{n} runs longer than it should.") for n in range(8)]
    text = told_in_text(
        [*flows, Alert("disk", "", "1.0 MB are left.")],
        [Alert("backup", "desk.db", "It was old.")],
        "https://desk.lender.example/operations",
    )
    lines = text.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("Alert: stuck flow (8). Flow flow-0 ")
    assert lines[0].endswith("Flow flow-4 runs longer than it should. And 3 more.")
    assert lines[1:] == [
        "Alert: disk. 1.0 MB are left.",
        "Over: backup. It was old.",
        "https://desk.lender.example/operations",
    ]


def test_an_id_in_a_message_calls_nobody_and_is_no_link() -> None:
    text = told_in_text([Alert("stuck flow", "x", "Flow <!channel>&<https://evil.example> runs.")], [])
    assert "<" not in text
    assert "&lt;!channel&gt;&amp;" in text
