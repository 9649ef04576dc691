"""The quick edition of `python -m tests.faults.reviewers`."""

from __future__ import annotations

from tests.faults.reviewers import rehearse


def test_two_reviewers_at_once_lose_nothing_and_decide_every_case_once_b118() -> None:
    found = rehearse(cases=24)
    assert (found.lost, found.unseen, found.decided_twice, found.verdicts_missing) == (0, 0, 0, 0)
    assert [len(shift.decided) for shift in found.shifts] == [24, 24]
    assert sum(shift.intruded for shift in found.shifts) == 2
    assert sum(shift.could_decide for shift in found.shifts) == 0
