"""What Cross-checks says of verdicts: advice with its intervals, what it costs, what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.judged_books import DEALER, NAME, PLENTY, judge, judged_book
from tests.made_columns import MadeBook, made_book
from tests.page_sessions import said, sessions_over, show, table_with
from tests.test_pages_explore import figures, opened

CALIBRATION, SETS = "Calibration", "Threshold sets"


@pytest.fixture(scope="module")
def judged() -> Iterator[MadeBook]:
    """A book that no test changes."""
    with judged_book() as book, sessions_over(book.folder):
        yield book


def test_without_a_verdict_the_page_says_what_to_do() -> None:
    with made_book(PLENTY[:4]) as made, sessions_over(made.folder):
        session = show("cross_checks", tab=CALIBRATION)
        assert "No verdicts yet" in opened(session)
        assert "judged blind" in said(session)
        draft = show("cross_checks", tab=SETS, start="advice")
    assert not session.error
    assert figures(session) == []
    assert "There are no verdicts to learn from yet" in said(draft)


def test_every_check_has_its_advice_with_an_interval_or_what_is_missing(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION)
    overview = table_with(session, "alike")
    assert overview["check"] == ["Customer name", "Dealer name"]
    assert overview["strong"] == ["60 (41 to 60)", "183 more verdicts needed"]
    assert overview["review"][0] == "60 (60 to 75)"
    assert overview["together"] == ["review 60, strong 60", "as now: review 70, strong 90"]
    assert overview["alike"] == ["100.0% (95.4% to 100.0%) alike, n = 80", "none judged twice"]
    words = said(session)
    assert "800 verdicts, 480 of them on passes drawn by lot" in words
    assert "how cases were sampled does not bend the shares" in words
    assert "Strong from 60: the lowest threshold at which at most 2% of what is strong is wrong" in words


def test_where_the_two_advised_cross_the_page_says_what_is_used_instead(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION, needless="80")
    overview = table_with(session, "alike")
    assert (overview["strong"][0][:2], overview["review"][0][:2]) == ("60", "95")
    assert overview["together"][0] == "review 70 (now), strong 70"
    crossed = "Customer name: strong from 60 and review below 95 cross. As advised, both are 70"
    assert crossed in said(session).replace("\\", "")
    draft = table_with(show("cross_checks", tab=SETS, start="advice", needless="80"), "now")
    named = dict(zip(draft["check"], zip(draft["review"], draft["strong"], strict=True), strict=True))
    assert named["Customer name"] == (70, 70)
    assert "cross. As advised" not in said(show("cross_checks", tab=CALIBRATION)).replace("\\", "")


def test_what_a_choice_costs_stands_beside_what_is_in_force(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION, minutes="10", all="50-90")
    assert "and 40 flows that are clear or in review, at 10 minutes a case" in said(session)
    costs = table_with(session, "wrong")
    assert costs["choice"] == ["In force", "As advised", "Tried under What if"]
    assert costs["to_clear"] == [0, 8, 8]
    in_force, as_advised, _ = costs["cases"]
    assert in_force == pytest.approx(2 * as_advised)
    assert costs["minutes"] == pytest.approx([10 * cases for cases in costs["cases"]])
    assert all("to" in words for words in costs["wrong"])


def test_stricter_limits_of_the_address_ask_for_more_verdicts(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION, wrong="0.1", needless="1")
    overview = table_with(session, "alike")
    assert overview["strong"][0].endswith("more verdicts needed")
    assert overview["review"][0].endswith("more verdicts needed")
    assert table_with(show("cross_checks", tab=CALIBRATION, wrong="x", needless="-4"), "alike") == table_with(
        show("cross_checks", tab=CALIBRATION), "alike"
    )


def test_people_and_their_minutes_become_thresholds_that_fit(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION, people="1", day="2", minutes="5")
    costs = table_with(session, "wrong")
    assert costs["choice"][-1] == "Fit for the people"
    assert costs["minutes"][-1] <= 2 < costs["minutes"][0]
    assert "1 × 2 = 2 minutes a day" in said(session)
    assert "Fewer than 30 verdicts, so left as they are: Dealer name" in said(session)


def test_the_share_of_the_same_is_drawn_with_its_interval_and_opens_its_cross_checks(
    judged: MadeBook,
) -> None:
    chart = next(figure for figure in figures(show("cross_checks", tab=CALIBRATION, about=NAME)))
    points = chart["data"][0]
    assert [point[:4] for point in points["customdata"]] == [
        [40, 44, 160, 0],
        [60, 64, 160, 160],
        [75, 79, 160, 160],
        [95, 99, 320, 320],
    ]
    assert "n = 800 verdicts" in chart["layout"]["title"]["subtitle"]["text"]
    session = show(
        "cross_checks",
        tab=CALIBRATION,
        case_at="calibration",
        case_check=NAME,
        case_similarity="60-64",
    )
    assert "160 cross\\-checks" in opened(session)


def test_a_check_nobody_judged_says_so(judged: MadeBook) -> None:
    assert "Nobody has judged a cross-check of Dealer name yet" in said(
        show("cross_checks", tab=CALIBRATION, about=DEALER)
    )


def test_a_filter_narrows_verdicts_as_it_narrows_cross_checks(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION, check=DEALER)
    assert table_with(session, "alike")["check"] == ["Dealer name"]
    newest = judged.rows("SELECT date(max(created_at) / 1000, 'unixepoch') FROM flows")[0][0]
    session = show("cross_checks", tab=CALIBRATION, since=str(newest))
    assert table_with(session, "alike")["verdicts"] == [40, 0]
    assert "40 verdicts" in said(session)


def test_a_queue_without_blind_passes_cannot_tell_wrong_accepts() -> None:
    with made_book(PLENTY[:12]) as made, sessions_over(made.folder):
        judge(made, of_flows=12)
        session = show("cross_checks", tab=CALIBRATION)
    assert "No pass was judged blind" in said(session)
    assert table_with(session, "alike")["verdicts"][0] == 240


def test_by_keyboard_a_chart_that_opens_nothing_has_a_table_to_read(judged: MadeBook) -> None:
    session = show("cross_checks", tab=CALIBRATION)
    assert not [frame for frame in session.dataframe if "shows" in frame.value.columns]
    session.toggle(key="asked_to_work_by_keys").set_value(True).run()
    assert not session.exception
    tables = [frame.value for frame in session.dataframe if "shows" in frame.value.columns]
    assert [list(table.columns) for table in tables] == [
        ["open", "what", "shows"],
        ["what", "shows"],
        ["what", "shows"],
    ]
    assert all(len(table) for table in tables)
