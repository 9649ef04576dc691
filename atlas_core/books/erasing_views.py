"""Saved views that say what an erased case said: they search for its words, or are named after somebody.

The search passes over capitals, accents and order, so whole values say little here: a word of a value is
enough, unless others say it too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from sqlite3 import Connection
from urllib.parse import parse_qs, unquote_plus

from atlas_core.books.words import all_terms_of, matching, words_in
from atlas_core.models import Outcome

SHORTEST_WORD = 3


@dataclass(slots=True)
class Said:
    """What an erased case said, as far as saved views may repeat it (never to be shown).

    `words` are those of its values, as the index of words spells them, `plain` those of what stays of it;
    `texts` are whole texts that no other case says. `stands` tells of a term (`quag*`: of any word that
    begins so) whether another case's result has it.
    """

    stands: Callable[[str], bool] = field(repr=False)
    words: set[str] = field(default_factory=set, repr=False)
    plain: set[str] = field(default_factory=lambda: words_in(map(str, Outcome)), repr=False)
    texts: set[str] = field(default_factory=set, repr=False)
    _terms: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def learn(self, values: Iterable[str], staying: Iterable[str]) -> None:
        """Takes in the words of values that go, and of what stays."""
        self.words |= words_in(values)
        self.plain |= words_in(staying)

    def terms_of(self, text: str) -> list[str]:
        """`all_terms_of`, kept: every backup has much the same views."""
        if text not in self._terms:
            self._terms[text] = all_terms_of(text)
        return self._terms[text]

    def unsaid(self, name: str) -> str:
        """The name of a file, unless it repeats a word of the values itself."""
        return "a file whose name repeats it" if words_in([name]) & (self.words - self.plain) else name


def views_saying(connection: Connection, said: Said) -> list[int]:
    """The ids of the saved views in a desk.db of any edition that say something of the case."""
    views = connection.execute("SELECT view_id, name, address FROM saved_views").fetchall()
    return [view_id for view_id, name, address in views if _says(connection, name, address, said)]


def forget_views(connection: Connection, said: Said) -> int:
    """Forgets these views, whoever they belong to; returns how many they were."""
    doomed = views_saying(connection, said)
    connection.executemany("DELETE FROM saved_views WHERE view_id = ?", [(view_id,) for view_id in doomed])
    return len(doomed)


def texts_in_views(connection: Connection, texts: Iterable[str]) -> set[str]:
    """Which of these whole texts stand in a saved view."""
    views = connection.execute("SELECT name || ' ' || address FROM saved_views").fetchall()
    return {text for (view,) in views for text in texts if text in unquote_plus(view)}


def stands_in_others(connection: Connection, term: str, flow_uuids: str) -> bool:
    """Whether a term stands in a result of this atlas.db, those of the flows (a JSON list) aside, or in the
    name of a product or of a type of document."""
    return bool(
        connection.execute(
            "SELECT 1 FROM words w JOIN flows f ON f.flow_id = w.rowid WHERE words MATCH ?"
            " AND f.flow_uuid NOT IN (SELECT value FROM json_each(?)) LIMIT 1",
            [matching((term,)), flow_uuids],
        ).fetchone()
        or connection.execute(
            "SELECT 1 FROM flows WHERE product_type LIKE ?1 UNION ALL"
            " SELECT 1 FROM documents WHERE document_type LIKE ?1 LIMIT 1",
            [f"%{_bare(term)}%"],
        ).fetchone()
    )


def _says(connection: Connection, name: str, address: str, said: Said) -> bool:
    if any(text in name or text in unquote_plus(address) for text in said.texts):
        return True
    asked = parse_qs(address)
    terms = [term for text in (name, *asked.get("words", ())) for term in said.terms_of(text)]
    for piece in " ".join(asked.get("find", ())).split():
        parts = said.terms_of(piece)
        if all(_bare(part) in said.words for part in parts):  # else it is an id, as APP-1
            terms += parts
    return any(_is_said(connection, term, said) for term in dict.fromkeys(terms))


def _is_said(connection: Connection, term: str, said: Said) -> bool:
    bare = _bare(term)
    if len(bare) < SHORTEST_WORD or _among(term, said.plain) or not _among(term, said.words):
        return False
    return not (
        said.stands(term)
        or connection.execute(
            "SELECT 1 FROM submissions WHERE flow_params LIKE ? LIMIT 1", [f"%{bare}%"]
        ).fetchone()
    )


def _among(term: str, words: set[str]) -> bool:
    return term in words or (term.endswith("*") and any(word.startswith(_bare(term)) for word in words))


def _bare(term: str) -> str:
    return term.removesuffix("*")
