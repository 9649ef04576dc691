"""The quick edition of `python -m tests.faults.states`."""

from __future__ import annotations

import logging

import pytest

from tests.faults.states import rehearse


def test_whatever_comes_in_whatever_order_the_books_say_what_the_rules_say_b45_b68_b69_b70_b71_b72_b73_b74(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    assert rehearse(runs=60, steps=30, number=1) > 1_000
