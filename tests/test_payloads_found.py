"""What chance found: payloads that once held a reader up, or that it read differently a second time."""

from __future__ import annotations

import json

import pytest

from tests.faults.fuzz import read_everything

FOUND = {
    "a key of one letter, 70,000 times: 30 s": {"a" * 70_000: 1, "flow_uuid": "LOS-0001-0002"},
    "addresses within addresses, longer once masked: cut only at the second reading": {
        "note": "http://a@" * 5_500
    },
    "the same as a key": {"http://a@" * 6_000: None},
}


@pytest.mark.parametrize("payload", FOUND.values(), ids=FOUND.keys())
def test_what_chance_found_is_read_steadily_and_at_once(payload: object) -> None:
    read_everything(json.dumps(payload).encode())
