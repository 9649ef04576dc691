"""What Atlas could not use: error codes of documents, how often, on which types, since when, and why.

A document with an error has a code other than "". Every n is a number of documents in the results of the
selected flows; a document belongs to the day on which its flow began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atlas_core.books.columns import Columns
from atlas_core.insight.frames import frame_of, picked
from atlas_core.insight.groups import OTHERS
from atlas_core.insight.periods import Step, steps_of_flows
from atlas_core.insight.rates import rate, wilson_interval
from atlas_core.insight.selection import Selection, among, error_rows, kept, selected_flows
from atlas_core.insight.tally import count_documents, count_together, one_group


def errors_per_code(columns: Columns, selection: Selection) -> pd.DataFrame:
    """How often each error code came, the most frequent first.

    Columns: code, documents, share (documents ÷ n), cumulative_share (of this code and those above), n
    (documents with any error).
    """
    (codes,), counts = count_together(columns.documents.code[error_rows(columns, selection)])
    order = np.argsort(-counts, kind="stable")
    codes, counts = codes[order], counts[order]
    n = np.full(len(counts), counts.sum())
    return frame_of(
        code=picked(columns.names.codes, codes),
        documents=counts,
        share=rate(counts, n),
        cumulative_share=rate(counts.cumsum(), n),
        n=n,
    )


def errors_per_type(columns: Columns, selection: Selection) -> pd.DataFrame:
    """How often each error code came on each document type (None: not recognised).

    Columns: document_type, code, documents, n (documents of that type, with an error or without), rate
    (documents ÷ n). Only pairs that occur.
    """
    rows = error_rows(columns, selection)
    documents = columns.documents
    (types, codes), counts = count_together(documents.type[rows], documents.code[rows])
    n = documents_per_type(columns, selection)[types]
    return frame_of(
        document_type=picked(columns.names.types, types),
        code=picked(columns.names.codes, codes),
        documents=counts,
        n=n,
        rate=rate(counts, n),
    )


def errors_per_day(columns: Columns, selection: Selection, step: Step = "day") -> pd.DataFrame:
    """How often each error code came on each day (week, month; UTC).

    Columns: start_at (ms), code, documents, n (all documents of that day), rate (documents ÷ n). Every day
    from the first selected flow's to the last's, for each code that occurs at all.
    """
    rows = error_rows(columns, selection)
    steps = steps_of_flows(columns, selection, step)
    codes, at = np.unique(columns.documents.code[rows], return_inverse=True)
    places = steps.of_flow[columns.documents.flow[rows]].astype(np.int64) * max(len(codes), 1) + at
    counts = np.bincount(places, minlength=len(steps) * len(codes))
    n = np.repeat(_documents_per_group(columns, selection, steps.of_flow, len(steps)), len(codes))
    return frame_of(
        start_at=np.repeat(steps.starts, len(codes)),
        code=picked(columns.names.codes, codes) * len(steps),
        documents=counts,
        n=n,
        rate=rate(counts, n),
    )


def errors_per_reason(columns: Columns, selection: Selection) -> pd.DataFrame:
    """How often Atlas gave each reason for an error (None: no reason), the most frequent first.

    Columns: code, reason, documents, n (documents with that code), share (documents ÷ n).
    """
    rows = error_rows(columns, selection)
    documents = columns.documents
    (codes, reasons), counts = count_together(documents.code[rows], documents.reason[rows])
    order = np.argsort(-counts, kind="stable")
    codes, reasons, counts = codes[order], reasons[order], counts[order]
    n = np.bincount(codes, counts).astype(np.int64)[codes] if len(codes) else counts
    return frame_of(
        code=picked(columns.names.codes, codes),
        reason=picked(columns.names.reasons, reasons),
        documents=counts,
        n=n,
        share=rate(counts, n),
    )


@dataclass(frozen=True, slots=True)
class Untyped:
    """Documents whose type Atlas did not recognise, of `n`; how many have which code (None: no error)."""

    documents: int
    n: int
    per_code: pd.DataFrame

    @property
    def share(self) -> float | None:
        """documents ÷ n, 0–1; None of nothing."""
        return self.documents / self.n if self.n else None


@kept
def documents_without_type(columns: Columns, selection: Selection) -> Untyped:
    """The selected flows' documents that have no recognised type, with an error or without.

    `per_code` has the columns code and documents, the most frequent first.
    """
    documents = columns.documents
    mask = (documents.type == 0) & selected_flows(columns, selection)[documents.flow]
    (codes,), counts = count_together(documents.code[mask])
    order = np.argsort(-counts, kind="stable")
    per_code = frame_of(code=picked(columns.names.codes, codes[order]), documents=counts[order])
    n = int(documents_per_type(columns, replace(selection, document_types=())).sum())
    return Untyped(int(counts.sum()), n, per_code)


def errors_per_product(columns: Columns, selection: Selection, at_most: int = 20) -> pd.DataFrame:
    """How often the documents of each product's flows have an error, the most errors first.

    Columns: product, documents (with an error), n (all), rate (documents ÷ n), low and high (95 % Wilson
    interval of the rate). Beyond `at_most` products, the others are one row, last: "all others".
    """
    frame = _errors_per_trait(columns, selection, columns.flows.product, columns.names.products, at_most)
    return frame.rename(columns={"trait": "product"})


def errors_per_dealer(columns: Columns, selection: Selection, at_most: int = 20) -> pd.DataFrame:
    """The same for each dealer (None: not known). Columns: dealer, documents, n, rate, low, high."""
    frame = _errors_per_trait(columns, selection, columns.flows.dealer, columns.names.dealers, at_most)
    return frame.rename(columns={"trait": "dealer"})


def _errors_per_trait(
    columns: Columns,
    selection: Selection,
    codes: npt.NDArray[Any],
    texts: Sequence[str | None],
    at_most: int,
) -> pd.DataFrame:
    mask = selected_flows(columns, selection)
    groups = np.where(mask & (codes < len(texts)), codes, len(texts))
    rows = error_rows(columns, selection)
    errors = np.bincount(groups[columns.documents.flow[rows]], minlength=len(texts))[: len(texts)]
    n = _documents_per_group(columns, selection, groups, len(texts))
    order = np.argsort(-errors, kind="stable")
    order = order[n[order] > 0]
    shown, others = order[:at_most], order[at_most:]
    names, errors_shown, n_shown = picked(texts, shown), errors[shown], n[shown]
    if len(others):
        names.append(OTHERS)
        errors_shown = np.append(errors_shown, errors[others].sum())
        n_shown = np.append(n_shown, n[others].sum())
    low, high = wilson_interval(errors_shown, n_shown)
    return frame_of(
        trait=names, documents=errors_shown, n=n_shown, rate=rate(errors_shown, n_shown), low=low, high=high
    )


@kept
def documents_per_type(columns: Columns, selection: Selection) -> npt.NDArray[np.int64]:
    """How many documents of each selected type (a place for each of `names.types`) the selected flows have,
    whatever their code and reason: what rates are of."""
    types = len(columns.names.types)
    groups = one_group(selected_flows(columns, selection))
    counts = count_documents(columns, groups, 1, np.arange(types), types)[0]
    return np.where(_wanted_types(columns, selection), counts, 0)


def _documents_per_group(
    columns: Columns, selection: Selection, groups: npt.NDArray[Any], group_count: int
) -> npt.NDArray[np.int64]:
    cells = np.where(_wanted_types(columns, selection), 0, 1)
    return count_documents(columns, groups, group_count, cells, 1)[:, 0]


def _wanted_types(columns: Columns, selection: Selection) -> npt.NDArray[np.bool_]:
    texts = columns.names.types
    if not selection.document_types:
        return np.ones(len(texts), np.bool_)
    return among(np.arange(len(texts)), texts, selection.document_types)
