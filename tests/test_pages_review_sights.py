"""What the review page shows and hides: scores of blind samples, personal values, documents."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from atlas_core.access import LOCAL
from atlas_core.books import attempts
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.reading import open_books
from atlas_core.books.reveals import PER_HOUR, SHOWN_MS, note_reveal
from atlas_core.books.review_rules import ReviewRules, set_review_rules
from atlas_core.books.verdicts import JudgedCheck, give_verdict
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import FileToSend
from tests.made_columns import FAILED, MadeCheck, MadeDocument, MadeFlow
from tests.page_sessions import show
from tests.review_sessions import MINUTE, RAVI, Room, a_case, a_room

HOSTILE = "<a href='http://canary.invalid'>![x](http://canary.invalid/x.png)</a>"
A_CHECK = JudgedCheck(0, "CUSTOMER_NAME", "D", "n", "I", "n", 20, ("one", "two"), "queue", 1.0, True)


# ---------------------------------------------------------------------------------------------- honesty


def plain(words: str) -> str:
    """What a screen says, less what differs from case to case and from person to person."""
    words = re.sub(r"APP\\-\d", "APP", words)
    words = re.sub(r"local-[0-9a-f]{4}", "local", words)
    return re.sub(r"\d+ (min|s|h)\b", "n", words)


def test_nothing_on_the_screen_tells_a_pass_that_was_drawn_from_a_case_of_its_own() -> None:
    flows = [a_case(*scores, minutes_ago=60) for scores in ((20,), (95,))]
    with a_room(*flows) as room:
        room.cases.draw(2, 0, share=0.02)
        set_review_rules(room.desk, RAVI, ReviewRules(scores_hidden=True))
        ordinary, drawn = room.sit(case="flow-00001"), room.sit(case="flow-00002")
        assert "Score hidden" in drawn.said
        assert "similarity" not in drawn.said
        assert plain(ordinary.said) == plain(drawn.said)
        assert ordinary.labels == drawn.labels
        assert not drawn.page.get("page_link")
        drawn.press("Same")
        drawn.press("Accept")
    assert room.book


def test_a_drawn_pass_is_kept_as_one_with_the_share_it_stands_for() -> None:
    with a_room(a_case(95)) as room:
        room.cases.draw(1, 0, share=0.02)
        anna = room.sit()
        anna.press("Same")
        with open_books(room.book.folder / "atlas.db", room.book.folder / "desk.db") as books:
            row = books.rows("SELECT drawn, weight, score_shown FROM desk.verdicts")[0]
        assert tuple(row) == ("lot", 50.0, 0)


def test_an_ordinary_check_beside_a_drawn_one_stands_by_its_place_and_not_by_its_score() -> None:
    with a_room(a_case(95, 20)) as room:
        room.cases.draw(1, 0)
        words = room.sit().said
        assert words.index("1 of 2: Customer name") < words.index("2 of 2: Dealer address")
        assert "similarity" not in words


def test_who_judges_a_second_time_is_told_nothing_of_the_first() -> None:
    with a_room(a_case(20)) as room:
        seen = room.cases.seen(1)
        give_verdict(room.desk, RAVI, seen, [A_CHECK], "different", adoption_id=None, now=1)
        room.cases.decide(RAVI, 1, "reject", second_share=1)
        anna = room.sit()
        assert anna.case == "APP-1"
        assert "ravi" not in anna.said
        assert "You said" not in anna.said
        anna.press("Same")
        anna.press("Accept")
        assert [decision["is_second"] for decision in room.record(1).decisions] == [0, 1]
        page = show("review", tab="Team")
        assert page.dataframe[-1].value["n"].tolist() == [1]


def test_filters_narrow_the_queue_and_those_that_would_tell_a_drawn_pass_are_passed_over() -> None:
    with a_room(a_case(20), a_case(30, product="LAP"), a_case(95, product="LAP")) as room:
        room.cases.draw(3, 0)
        assert room.sit(product="LAP").case in ("APP-2", "APP-3")
        assert "No case fits" in room.sit(product="NEVER").said
        anna = room.sit(outcome="clear")
        assert "Review passes over these" in anna.said
        assert anna.case == "APP-1"


def test_what_waits_is_counted_by_why_it_does_where_that_tells_no_drawn_pass() -> None:
    failed = MadeFlow(created_at=now_ms() - MINUTE, status=FAILED, has_result=False)
    with a_room(*[a_case(20)] * 11, failed, *[a_case(95, product="LAP")] * 10) as room:
        few, made_of = "to review, failed or drawn by lot", "11 to review, 1 failed, 10 drawn by lot"

        def tile(**address: str) -> str:
            return next(
                one.help for one in show("review", tab="Team", **address).metric if one.label == "Waiting"
            )

        for number in range(9):
            room.cases.draw(13 + number, 0)
        assert few in tile()
        room.cases.draw(22, 0)
        assert made_of in tile()
        assert few in tile(find="APP-13")  # of a few the numbers would say which was drawn
        assert f"Waiting: {made_of}" in room.sit().said
        assert f"Waiting: {few}" in room.sit(product="LAP").said


# ------------------------------------------------------------------------------------ values and documents


def test_personal_values_are_masked_until_they_are_asked_for_and_the_log_keeps_that() -> None:
    papers = (
        MadeDocument("DELIVERY_ORDER", fields=(("customer_name", "Asha Rao", 0.9),)),
        MadeDocument("INVOICE", fields=(("document_quality_flag", "xerox_copy", None),)),
    )
    with a_room(a_case(20, papers=papers)) as room:
        anna = room.sit()
        assert "Invoice · customer name · confidence not given · xerox copy" in anna.said
        anna.press("Read the documents")
        shown = next(table.value for table in anna.page.dataframe)
        assert shown["value"].tolist() == ["A\u2022\u2022\u2022 R\u2022\u2022"]
        anna.press("Show whole values")
        assert anna.page.dataframe[0].value["value"].tolist() == ["Asha Rao"]
        with open_books(room.book.folder / "atlas.db", room.book.folder / "desk.db") as books:
            entry = audit_entries(books, action="reveal").iloc[0]
        assert (entry["subject"], entry["who"][:6]) == ("flow-00001", "local-")
        # They once stayed whole for as long as the case was on the screen.
        revealed = anna.page.session_state["revealed"]
        anna.page.session_state["revealed"] = {place: at - SHOWN_MS for place, at in revealed.items()}
        anna.page.run()
        masked = ["A\u2022\u2022\u2022 R\u2022\u2022"]
        assert anna.page.dataframe[0].value["value"].tolist() == masked
        somebody = replace(LOCAL, who=entry["who"])
        for number in range(PER_HOUR - 1):
            note_reveal(room.desk, somebody, "flow-00001", f"value {number}", reason="why")
        anna.press("Show whole values")
        assert "values within an hour" in anna.said
        assert anna.page.dataframe[0].value["value"].tolist() == masked


def test_whole_values_are_offered_with_their_key_only_where_one_is_masked() -> None:
    open_papers = (
        MadeDocument("INVOICE", fields=(("dealer_name", "Shop", 0.9), ("customer_name", "", None))),
    )
    things = MadeFlow(
        created_at=now_ms() - MINUTE,
        documents=open_papers,
        checks=(MadeCheck("DEALER_NAME", 20, field="dealer_name"),),
    )
    with a_room(things, a_case(30)) as room:
        nothing_masked, masked = room.sit(case="flow-00001"), room.sit(case="flow-00002")
        for session, is_offered in ((nothing_masked, False), (masked, True)):
            assert ("Show whole values" in session.labels) == is_offered
            assert ("V whole values" in session.said) == is_offered
            assert "L later, D documents" in session.said
        masked.press("Show whole values")
        assert "V whole values" not in masked.said


def submit(room: Room, url: str) -> None:
    """The first document of the first flow, as it was submitted from this address."""
    submission_id = room.desk.save_submission(
        "APP-1", "CDL", {}, [FileToSend("flow-00001-0", url)], "form", by=RAVI
    )
    with AtlasWriter(room.book.folder / "atlas.db") as writer:
        attempt_id = writer.write(
            attempts.start_attempt,
            submission_id,
            1,
            application_id="APP-1",
            product_type="CDL",
            auth_part="a" * 64,
            callback_part="c" * 64,
            now=now_ms(),
        )
        writer.write(attempts.save_init_answer, attempt_id, "flow-00001", now=now_ms())


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://files.example/a.png", "not among those that documents may be shown from"),
        ("http://127.0.0.1:8700/a.png", ""),
        (None, "links are forgotten when they end"),
    ],
)
def test_a_document_is_shown_when_asked_and_only_from_hosts_that_are_allowed(
    url: str | None, words: str
) -> None:
    with a_room(a_case(20)) as room:
        if url:
            submit(room, url)
        anna = room.sit()
        anna.press("Read the documents")
        assert words in anna.said
        assert not anna.page.get("image")
        if not words:
            anna.press("Show the document")
            assert anna.page.get("image")[0].proto.imgs[0].url == url
            assert "the link ends in" in anna.said
        else:
            assert "Show the document" not in anna.labels


def test_hostile_names_are_texts() -> None:
    flow = MadeFlow(
        created_at=now_ms() - MINUTE,
        product=HOSTILE,
        application=f"APP{HOSTILE}",
        documents=(MadeDocument(HOSTILE, HOSTILE, HOSTILE, ((HOSTILE, HOSTILE, 0.5),)),),
        checks=(MadeCheck(HOSTILE, 20, HOSTILE, HOSTILE, HOSTILE),),
    )
    with a_room(flow) as room:
        anna = room.sit()
        anna.press("New document")
        for kind in ("markdown", "caption", "subheader", "info", "warning", "success"):
            for element in anna.page.get(kind):
                assert "![x](http" not in str(element.value)
        for html in anna.page.get("html"):
            assert "<a " not in html.proto.body
