"""Words in any field: what a search for them means, and how forgotten ones leave the file.

The table `words` holds, for each flow, which words its result has, and not where. A word is what SQLite's
tokenizer says it is: letters, digits and marks of any script, capitals and accents aside.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from sqlite3 import Connection

TERMS_AT_MOST = 8
_PAGES_AT_ONCE = 1_000
_TOKENIZED = (
    "CREATE VIRTUAL TABLE words USING fts5("
    "body, tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")"
)


def terms_of(text: str) -> tuple[str, ...]:
    """The words of a search, at most eight, each as the index spells it; `*` at its end asks for all words
    that begin so (from two characters on)."""
    return tuple(all_terms_of(text)[:TERMS_AT_MOST])


def all_terms_of(text: str) -> list[str]:
    """The same, however many they are."""
    terms: list[str] = []
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(_TOKENIZED)
        connection.execute("CREATE VIRTUAL TABLE parts USING fts5vocab(words, instance)")
        for piece in text.encode("utf-8", "replace").decode().split():
            connection.execute("DELETE FROM words")
            connection.execute("INSERT INTO words VALUES (?)", [piece])
            parts = [row[0] for row in connection.execute("SELECT term FROM parts ORDER BY offset")]
            if parts and piece.endswith("*") and len(parts[-1]) > 1:
                parts[-1] += "*"
            terms += [part for part in parts if part not in terms]
    return terms


def words_in(texts: Iterable[str]) -> set[str]:
    """Every word of these texts, as the index spells it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(_TOKENIZED)
        connection.executemany(
            "INSERT INTO words VALUES (?)", [(text.encode("utf-8", "replace").decode(),) for text in texts]
        )
        connection.execute("CREATE VIRTUAL TABLE parts USING fts5vocab(words, row)")
        return {term for (term,) in connection.execute("SELECT term FROM parts")}


def matching(terms: tuple[str, ...]) -> str:
    """What FTS5 is asked: all of the terms."""
    return " ".join(f'"{term[:-1]}"*' if term.endswith("*") else f'"{term}"' for term in terms)


def sweep_words(connection: Connection, *, begin: bool) -> bool:
    """One bounded step towards an index without a trace of what was deleted; whether there is more to do.

    FTS5 keeps a deleted word in its older parts until they are merged (its own secure-delete needs SQLite
    3.42). After an erasure, call this with `begin` once and then without until it says no: by then
    everything is merged into one part, and what falls out of the parts before it is overwritten by the
    connection's `secure_delete`. Ordinary replacements need none of this: their text stays in the earlier
    version of the result anyway.
    """
    before = connection.total_changes
    pages = -_PAGES_AT_ONCE if begin else _PAGES_AT_ONCE
    connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", [pages])
    # The statement itself counts as one change (https://www.sqlite.org/fts5.html, 6.8).
    return connection.total_changes - before >= 2
