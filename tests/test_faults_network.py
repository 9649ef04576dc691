"""The quick edition of `python -m tests.faults.network`, and that it can fail."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from atlas_core.errors import NoAnswer, NotSent
from tests.faults.network import ENDPOINTS, FAULTS, complaints, measure


def test_eight_faults_at_four_endpoints_leave_no_wrong_state_and_say_what_to_do_b5_b46_b47_b48_b49_b50_b53(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR, "atlas_core.sandbox")
    runs = measure(times=2, real=0)
    assert Counter((run.fault, run.endpoint) for run in runs) == {
        (fault, endpoint): 2 for fault in FAULTS for endpoint in ENDPOINTS
    }
    assert [(run.fault, run.endpoint, run.wrong) for run in runs if run.wrong] == []
    assert [(run.fault, run.endpoint, run.unhelpful) for run in runs if run.unhelpful] == []
    assert all(run.longest < 31 for run in runs)
    failed = {run.fault for run in runs if run.message}
    assert {"reset", "black hole", "down"} <= failed
    assert not any(run.message for run in runs if run.fault == "slow close")


@pytest.mark.parametrize(
    ("came", "advice"),
    [
        ("something went wrong", "Nothing was sent; it can be sent again."),
        ("127.0.0.1:1 refused the connection", "Try again."),
        ("127.0.0.1:1 refused the connection\n", "Nothing was sent; it can be sent again."),
    ],
)
def test_a_message_without_cause_or_next_step_is_found(came: str, advice: str) -> None:
    assert list(complaints(NotSent("GET status", came, advice), "down"))
    good = NoAnswer("GET status", "127.0.0.1:1 said nothing for 10 s", "It can be asked again.")
    assert list(complaints(good, "black hole")) == []
    assert list(complaints(good, "down"))
