"""A cross-check as it is drawn: what it says is text, whatever it says, and its marks are ours."""

from __future__ import annotations

import string
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from atlas_core.access import LOCAL
from atlas_core.books.reading import Record
from atlas_core.insight.palette import DARK, LIGHT
from atlas_core.thresholds import Thresholds
from atlas_core.web.check_parts import CheckLook, drawn

TAGS = {"div", "span", "strong", "del", "ins", "mark"}
hostile = st.one_of(
    st.text(string.printable, max_size=30),
    st.sampled_from(
        [
            "<img src=x onerror=alert(1)>",
            '"><script>alert(1)</script>',
            "</div></div><a href='http://canary.invalid'>x</a>",
            '" onmouseover="alert(1)',
            "&lt;b&gt; & <!-- -->",
            "\u202e\u200b<style>*{display:none}</style>",
        ]
    ),
)


def a_check(**parts: object) -> Record:
    sides = {
        f"{side}_{part}": value
        for side in ("source", "target")
        for part, value in (("doc", "INVOICE"), ("field_name", "model"), ("value", "x"), ("confidence", 0.5))
    }
    return {"position": 0, "name": "MODEL", "similarity": 40.0, "similarity_raw": None, **sides, **parts}


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert {name for name, _ in attributes} <= {"style", "title"}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(markup: str) -> str:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert reader.open == []
    return "".join(reader.words)


@given(hostile, hostile, hostile, hostile)
def test_whatever_a_cross_check_says_is_text(name: str, value: str, other: str, raw: str) -> None:
    check = a_check(
        name=name,
        source_doc=name,
        source_field_name=other,
        source_value=value,
        target_value=other,
        similarity=None,
        similarity_raw=raw,
    )
    look = CheckLook(number="1 of 2: ", shows_all=True, qualities={name: raw})
    read(drawn(LOCAL, check, Thresholds(), LIGHT, look))


def test_both_values_stand_beside_each_other_with_what_is_known_of_each() -> None:
    check = a_check(source_value="Zentara Tilak 18", target_value="Zentara Jr", target_confidence=None)
    words = read(drawn(LOCAL, check, Thresholds(), DARK, CheckLook(qualities={"INVOICE": "xerox_copy"})))
    assert words == (
        "ModelReviewsimilarity 40 of 100Different"
        "Invoice · model · confidence 0.50 of 1 · xerox copyZentara Tilak 18"
        "Invoice · model · confidence not given · xerox copyZentara Jr"
    )


def test_without_thresholds_nothing_tells_the_score() -> None:
    markup = drawn(LOCAL, a_check(similarity=93.0), None, LIGHT, CheckLook())
    assert "Score hidden" in read(markup)
    assert not any(word in markup for word in ("93", "Strong", "of 100"))


def test_an_erased_cross_check_says_that_both_values_are_empty_and_nothing_of_their_difference() -> None:
    words = read(
        drawn(LOCAL, a_check(source_value=None, target_value=None), Thresholds(), LIGHT, CheckLook())
    )
    assert words.count("(empty)") == 2
    assert "Same" not in words
