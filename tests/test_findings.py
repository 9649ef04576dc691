"""What asks for a person in a flow, grouped by cause."""

from __future__ import annotations

import pytest

from atlas_core.books.queries import flow_detail
from atlas_core.books.reading import open_books
from atlas_core.insight.findings import Finding, FindingKind, findings_of
from atlas_core.models import Flag, FlagKind
from atlas_core.thresholds import Thresholds
from tests.made_columns import FAILED, MadeCheck, MadeDocument, MadeFlow, made_book

ORDER, BILL, CARD, PAN = "DELIVERY_ORDER", "INVOICE", "AADHAAR", "PAN"
USUAL = Thresholds()


def findings(
    *checks: MadeCheck,
    documents: tuple[MadeDocument, ...] = (),
    thresholds: Thresholds = USUAL,
    lots: tuple[int, ...] = (),
    flags: tuple[Flag, ...] = (),
    flow: MadeFlow | None = None,
) -> tuple[Finding, ...]:
    made = flow or MadeFlow(documents=documents, checks=checks, flags=flags)
    with (
        made_book([made]) as book,
        open_books(book.folder / "atlas.db", book.folder / "desk.db") as books,
    ):
        detail = flow_detail(books, "flow-00001")
        assert detail is not None
        return findings_of(detail, thresholds, lots)


def kinds(found: tuple[Finding, ...]) -> list[tuple[FindingKind, tuple[int, ...]]]:
    return [(finding.kind, finding.checks) for finding in found]


def low(name: str, source: str, target: str, score: float = 20) -> MadeCheck:
    return MadeCheck(name, score, source, target)


def test_a_single_low_cross_check_is_a_finding_of_its_own() -> None:
    found = findings(MadeCheck("NAME", 95), low("ADDRESS", ORDER, BILL), MadeCheck("MODEL", 70))
    assert found == (Finding(FindingKind.CHECK, (1,)),)
    assert found[0].is_judged


def test_thresholds_of_a_checks_own_decide_what_is_low() -> None:
    found = findings(
        MadeCheck("NAME", 65), MadeCheck("MODEL", 65), thresholds=Thresholds().with_check("NAME", 60, 90)
    )
    assert kinds(found) == [(FindingKind.CHECK, (1,))]


def test_two_differences_between_the_same_two_documents_are_two_findings_the_worst_first() -> None:
    """Nothing tells which of the two documents is wrong, or whether one cause is behind both."""
    found = findings(low("NAME", ORDER, BILL, 60), low("ADDRESS", ORDER, BILL, 30))
    assert kinds(found) == [(FindingKind.CHECK, (1,)), (FindingKind.CHECK, (0,))]


def test_one_document_that_disagrees_with_all_others_is_one_finding() -> None:
    documents = tuple(MadeDocument(kind) for kind in (ORDER, BILL, CARD))
    found = findings(
        low("NAME", ORDER, CARD, 40),
        low("CARD_NAME", CARD, BILL, 30),
        MadeCheck("DEALER", 95, ORDER, BILL),
        documents=documents,
    )
    assert found == (Finding(FindingKind.ODD_DOCUMENT, (1, 0), 2, CARD),)


def test_of_two_documents_the_odd_one_is_that_which_agrees_with_no_third() -> None:
    found = findings(
        low("NAME", ORDER, BILL),
        low("ADDRESS", ORDER, BILL),
        MadeCheck("PAN_NAME", 95, ORDER, PAN),
        documents=(MadeDocument(ORDER), MadeDocument(BILL), MadeDocument(PAN)),
    )
    assert found == (Finding(FindingKind.ODD_DOCUMENT, (0, 1), 1, BILL),)


def test_of_two_documents_of_one_type_it_cannot_be_told_which_is_odd() -> None:
    found = findings(
        low("NAME", ORDER, BILL),
        low("ADDRESS", CARD, BILL),
        documents=(MadeDocument(BILL), MadeDocument(BILL), MadeDocument(ORDER), MadeDocument(CARD)),
    )
    assert found == (Finding(FindingKind.ODD_DOCUMENT, (0, 1), None, BILL),)


def test_a_document_atlas_could_not_use_takes_the_cross_checks_that_suffer_from_it() -> None:
    found = findings(
        *(low(name, ORDER, BILL, score) for name, score in (("A", 10), ("B", 30), ("C", 20))),
        low("D", CARD, PAN),
        documents=(MadeDocument(ORDER), MadeDocument(BILL, "INVALID_DOC", "blurred")),
    )
    assert found == (
        Finding(FindingKind.BAD_DOCUMENT, (0, 2, 1), 1, BILL, "INVALID_DOC"),
        Finding(FindingKind.CHECK, (3,)),
    )


def test_a_document_without_a_type_takes_no_cross_check() -> None:
    found = findings(low("A", ORDER, BILL), documents=(MadeDocument(None, "UNRECOGNISED"),))
    assert found == (
        Finding(FindingKind.BAD_DOCUMENT, (), 0, None, "UNRECOGNISED"),
        Finding(FindingKind.CHECK, (0,)),
    )


def test_an_oddity_is_told_once_and_one_that_needs_nobody_not_at_all() -> None:
    flags = (
        Flag(FlagKind.SCORE_UNUSABLE, "cross_checks[0]"),
        Flag(FlagKind.SCORE_UNUSABLE, "cross_checks[1]"),
        Flag(FlagKind.SCORE_AS_TEXT, "cross_checks[2]"),
    )
    assert findings(MadeCheck("A", None), flags=flags) == (
        Finding(FindingKind.ODDITY, words="score unusable"),
    )


def test_what_was_drawn_comes_last_and_stands_in_one_finding_only() -> None:
    found = findings(low("A", ORDER, BILL), MadeCheck("B", 97), MadeCheck("C", 80), lots=(2, 1, 0))
    assert kinds(found) == [
        (FindingKind.CHECK, (0,)),
        (FindingKind.LOT, (1,)),
        (FindingKind.LOT, (2,)),
    ]


def test_a_flow_that_failed_without_a_result_is_a_finding_with_nothing_to_judge() -> None:
    found = findings(flow=MadeFlow(status=FAILED, has_result=False))
    assert found == (Finding(FindingKind.FAILED),)
    assert not found[0].is_judged


@pytest.mark.parametrize("score", [70, 100, None])
def test_a_clear_flow_has_no_finding(score: float | None) -> None:
    assert findings(MadeCheck("A", score)) == ()
