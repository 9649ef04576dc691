"""Which cross-checks should have run and did not, and what their absence does to the match rate.

All flows here ended with SUCCESS and have a result. That a check is expected of a product is learnt from what
usually runs, and may be set otherwise by whoever asks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import DEAD, OUTCOMES, Columns, Flags
from atlas_core.insight.frames import frame_of
from atlas_core.insight.rates import FEWEST, rate
from atlas_core.insight.selection import Selection, kept, selected_flows
from atlas_core.insight.tally import SCORE_PLACES, flow_bits, stretches
from atlas_core.models import Outcome
from atlas_core.thresholds import Thresholds

Expected = tuple[tuple[str, tuple[str, ...]], ...]
"""(product, names of its checks), by product."""

IN_WORD = 31
"""Names, of up to two bits each, in the 62 that one pass can collect."""
_IN_PATTERN = 5  # names whose 1,024 patterns of bits are counted together
_CLEAR, _REVIEW = OUTCOMES.index(Outcome.CLEAR), OUTCOMES.index(Outcome.REVIEW)


@kept
def expected_checks(columns: Columns, selection: Selection, usual_share: float = 0.5) -> Expected:
    """The checks that ran in at least `usual_share` (0–1) of each product's selected flows.

    A product of fewer than 30 such flows expects nothing yet.
    """
    names, flows, ran, _ = _runs(columns, selection, Thresholds())
    return tuple(
        (product, tuple(name for at, name in enumerate(names) if ran[code, at] >= usual_share * flows[code]))
        for code, product in enumerate(columns.names.products)
        if product is not None and flows[code] >= FEWEST
    )


def coverage(
    columns: Columns, selection: Selection, expected: Expected, thresholds: Thresholds
) -> pd.DataFrame:
    """How often each expected check ran, and the match rate with and without the flows that lack it.

    Columns: product, check, flows (of that product), ran, lacking (flows − ran), ran_share (ran ÷ flows),
    matched (flows in which all cross-checks of that name are strong), match_rate_of_ran (matched ÷ ran) and
    match_rate_of_flows (matched ÷ flows: a check that never ran has matched nothing).
    """
    names, flows, ran, matched = _runs(columns, selection, thresholds)
    codes = {product: code for code, product in enumerate(columns.names.products)}
    pairs = [(product, check) for product, checks in expected for check in checks if product in codes]
    places = {name: at for at, name in enumerate(names)}
    of = np.array([flows[codes[product]] for product, _ in pairs], np.int64)
    have_run, have_matched = (
        np.array(
            [counts[codes[product], places[check]] if check in places else 0 for product, check in pairs],
            np.int64,
        )
        for counts in (ran, matched)
    )
    return frame_of(
        product=[product for product, _ in pairs],
        check=[check for _, check in pairs],
        flows=of,
        ran=have_run,
        lacking=of - have_run,
        ran_share=rate(have_run, of),
        matched=have_matched,
        match_rate_of_ran=rate(have_matched, have_run),
        match_rate_of_flows=rate(have_matched, of),
    )


@kept
def _runs(
    columns: Columns, selection: Selection, thresholds: Thresholds
) -> tuple[tuple[str, ...], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The names of all checks; flows of each product; and, by product and name, how many of them have the
    check and how many have it strong."""
    products = len(columns.names.products)
    names = tuple(sorted({kind.name for kind in columns.names.kinds}))
    # Flows that do not matter are those of a product beyond the last, which is not looked at.
    product = np.full(len(columns.flows), products, np.int64)
    settled = settled_flows(columns, selection)
    np.copyto(product, columns.flows.product, where=settled)
    flows = np.bincount(product, minlength=products)[:products]
    ran = np.zeros((products, len(names)), np.int64)
    matched = np.zeros_like(ran)
    pattern = np.arange(1 << (2 * _IN_PATTERN))
    for first in range(0, len(names), IN_WORD):
        some = names[first : first + IN_WORD]
        bits = flow_bits(columns, _run_bits(columns, some, thresholds), settled)
        for start in range(0, len(some), _IN_PATTERN):
            patterns = np.zeros((products + 1, len(pattern)), np.int64)
            for rows in stretches(len(bits), patterns.size):
                at = bits[rows] >> (2 * start) & len(pattern) - 1
                at += np.minimum(product[rows], products) * len(pattern)
                patterns += np.bincount(at, minlength=patterns.size).reshape(patterns.shape)
            patterns = patterns[:products]
            for place in range(min(_IN_PATTERN, len(some) - start)):
                has_run = pattern >> (2 * place) & 1 == 1
                is_strong = has_run & (pattern >> (2 * place + 1) & 1 == 0)
                ran[:, first + start + place] = patterns[:, has_run].sum(axis=1)
                matched[:, first + start + place] = patterns[:, is_strong].sum(axis=1)
    return names, flows, ran, matched


def _run_bits(columns: Columns, names: tuple[str, ...], thresholds: Thresholds) -> npt.NDArray[np.int64]:
    """Two bits for each name, for each kind and score: it ran, and it was not strong."""
    bits = np.zeros((len(columns.names.kinds), SCORE_PLACES), np.int64)
    scores = np.arange(SCORE_PLACES)
    for row, kind in enumerate(columns.names.kinds):
        if kind.name in names:
            is_weak = (scores < thresholds.of(kind.name)[1]) | (scores > 100)
            bits[row] = (1 + 2 * is_weak) << 2 * names.index(kind.name)
    bits[:, DEAD] = 0
    return bits


def name_bits(columns: Columns, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """For each kind and score, the bit of its name's place in `names`."""
    bits = np.zeros((len(columns.names.kinds), SCORE_PLACES), np.int64)
    for row, kind in enumerate(columns.names.kinds):
        if kind.name in names:
            bits[row, :DEAD] = 1 << names.index(kind.name)
    return bits


def settled_flows(columns: Columns, selection: Selection) -> Flags:
    """The selected flows that ended with SUCCESS and have a result."""
    outcome = columns.flows.outcome
    ended: Flags = (outcome == _CLEAR) | (outcome == _REVIEW)
    return ended & selected_flows(columns, selection)
