"""A filter and its address say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.errors import InputError
from atlas_core.insight.addresses import address_of, address_text, filter_of, read_address
from atlas_core.insight.finding import FlowFilter

DAY = 86_400_000
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
trimmed = st.just("") | texts.map(str.strip)
lists = st.lists(texts.filter(lambda text: text != "none given"), max_size=3, unique=True).map(tuple)
lacking = st.lists(st.none() | texts.filter(lambda text: text != "none given"), max_size=3, unique=True).map(
    tuple
)
moments = st.none() | st.integers(1_000_000_000, 4_000_000_000_000) | st.integers(1, 40_000).map(DAY.__mul__)
filters = st.builds(
    FlowFilter,
    text=trimmed,
    words=trimmed,
    outcomes=lists,
    statuses=lacking,
    products=lists,
    types=lacking,
    codes=lists,
    checks=lists,
    dealers=lists,
    created_from=moments,
    created_to=moments,
    attention=st.none() | texts,
)


@given(filters)
def test_a_copied_address_is_the_same_filter(wanted: FlowFilter) -> None:
    assert filter_of(address_of(wanted)) == wanted
    assert read_address("http://desk.example/results?" + address_text(wanted)) == wanted


def test_days_are_of_utc_and_both_included() -> None:
    wanted = filter_of({"since": ["1970-01-02"], "until": ["1970-01-03"]})
    assert (wanted.created_from, wanted.created_to) == (DAY, 3 * DAY)
    assert address_of(wanted) == {"since": ["1970-01-02"], "until": ["1970-01-03"]}


def test_an_address_without_filters_is_every_flow() -> None:
    assert filter_of({}) == read_address("") == FlowFilter()
    assert read_address("?") == read_address("http://desk.example/results") == FlowFilter()
    assert address_of(FlowFilter()) == {}
    assert read_address("?sort=worst&after=3.4") == FlowFilter()


@pytest.mark.parametrize("text", ["31/12/2026", "2026-02-30", "-1", "now", "9" * 15, "1" * 30])
def test_a_spoiled_day_is_refused_and_never_passed_over(text: str) -> None:
    with pytest.raises(InputError, match="day like"):
        filter_of({"since": [text]})


def test_the_command_line_refuses_what_is_no_filter() -> None:
    for text in ("outcme=review", "outcome", "http://desk.example/flow?flow=1"):
        with pytest.raises(InputError, match="not an address of Results"):
            read_address(text)
