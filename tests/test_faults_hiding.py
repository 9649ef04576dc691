"""The quick edition of tests/faults/hiding.py (`make faults` runs it whole)."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults import hiding
from tests.invented_numbers import SCRIPTS, aadhaar


def test_no_whole_number_is_at_rest_wherever_a_payload_hid_it_c31(tmp_path: Path) -> None:
    found = hiding.run(tmp_path, payloads=200, numbers=50)
    assert (found.payloads, found.refused) == (200, 0)
    assert found.searched > 1_000_000
    assert found.places == []


def test_the_search_would_see_a_number_in_every_way_it_is_written() -> None:
    chance = random.Random(1)
    ways = {str(hiding.written(chance, "000000000000")) for _ in range(400)}
    assert len(ways) >= 9 + len(SCRIPTS)
    number = aadhaar(chance)
    for _ in range(200):
        assert hiding.made_in(str(hiding.written(chance, number)), {number})
