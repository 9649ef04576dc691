"""The quick editions of `python -m tests.faults.outage` and `python -m tests.faults.lost`."""

from __future__ import annotations

import pytest

from tests.benchmarks.table import all_met
from tests.fault_proxy import Fault
from tests.faults import lost, outage


@pytest.mark.parametrize("fault", [outage.REFUSED, outage.TORN_DOWN], ids=["refused", "torn down"])
def test_an_outage_costs_little_more_than_a_request_a_call(fault: Fault) -> None:
    calls = 400
    requests = outage.requests_of(calls, 1.0, fault, backoff_seconds=0.05)
    assert calls <= requests <= calls * 1.1 + 20


def test_lost_answers_to_flow_init_are_unknown_never_sent_again_and_counted_once_b48() -> None:
    assert [row for row in lost.run(8) if not all_met([row])] == []
