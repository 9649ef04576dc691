"""Words in any field: found when stored, replaced with their result, gone when deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.words import TERMS_AT_MOST, matching, sweep_words, terms_of
from atlas_core.books.writer import AtlasWriter
from tests.made_books import START, MadeBooks, add_flow, make_books, make_result


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def writer(books: MadeBooks) -> Iterator[AtlasWriter]:
    with AtlasWriter(books.atlas) as writer:
        yield writer


def with_words(books: MadeBooks, text: str) -> list[int]:
    with closing(sqlite3.connect(books.atlas)) as connection:
        found = connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid", [matching(terms_of(text))]
        )
        return [flow_id for (flow_id,) in found]


def deliver_again(writer: AtlasWriter, flow_id: int, flow_uuid: str, name: str) -> None:
    result = make_result(flow_uuid, name=name)
    writer.write(
        save_result,
        flow_id,
        result,
        channel="extracts",
        received_at=START + 99_000,
        confirmed=True,
        standards=Standards(),
    )


def test_a_flow_is_found_by_any_word_of_its_fields_whatever_the_capitals_and_accents(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    add_flow(writer, "flow-0001", result=make_result("flow-0001", name="Renée O'Brien"))
    add_flow(writer, "flow-0002", result=make_result("flow-0002", name="राम कुमार"))
    add_flow(writer, "flow-0003")
    assert with_words(books, "renee") == with_words(books, "BRIEN Renée") == [1]
    assert with_words(books, "राम") == with_words(books, "कुमा*") == [2]
    assert with_words(books, "19999") == [1, 2]
    assert with_words(books, "ren") == with_words(books, "कुमा") == with_words(books, "renee राम") == []


def test_a_result_delivered_again_takes_its_old_words_with_it(books: MadeBooks, writer: AtlasWriter) -> None:
    add_flow(writer, "flow-0001", result=make_result("flow-0001", name="Wrongly Read"))
    deliver_again(writer, 1, "flow-0001", "Rightly Read")
    assert with_words(books, "wrongly") == []
    assert with_words(books, "rightly read") == [1]


def test_words_and_results_agree_after_every_kind_of_change(books: MadeBooks, writer: AtlasWriter) -> None:
    for number in range(30):
        add_flow(writer, f"flow-{number:04}", result=make_result(f"flow-{number:04}", name=f"Name{number}"))
    for number in range(0, 30, 3):
        deliver_again(writer, number + 1, f"flow-{number:04}", f"Other{number}")
    writer.write(lambda connection: connection.execute("UPDATE flows SET result_id = NULL WHERE flow_id = 2"))
    # FTS5 compares its index with what it would be if it were built anew.
    writer.write(
        lambda connection: connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
    )
    assert with_words(books, "name1") == []
    assert with_words(books, "other3") == [4]


def test_a_deleted_word_leaves_no_byte_in_the_book_or_its_journal(
    books: MadeBooks, writer: AtlasWriter
) -> None:
    secret = "zyxwvutsrq"
    for number in range(40):
        name = secret if number == 7 else f"Common{number}"
        add_flow(writer, f"flow-{number:04}", result=make_result(f"flow-{number:04}", name=name))
    assert with_words(books, secret) == [8]

    def erase(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE flows SET result_id = NULL WHERE flow_id = 8")
        for table in ("flags", "cross_checks", "fields", "documents"):
            connection.execute(
                f"DELETE FROM {table} WHERE result_id IN (SELECT result_id FROM results WHERE flow_id = 8)"  # noqa: S608
            )
        connection.execute("DELETE FROM results WHERE flow_id = 8")
        connection.execute("DELETE FROM deliveries WHERE flow_id = 8")

    writer.write(erase)
    begin = True
    while writer.write(sweep_words, begin=begin):
        begin = False
    with closing(sqlite3.connect(books.atlas)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = books.atlas.read_bytes() + books.atlas.with_name("atlas.db-wal").read_bytes()
    assert secret.encode() not in kept
    assert secret[:4].encode() not in kept  # the index of beginnings
    assert with_words(books, "common8") == [9]


def test_the_search_and_the_index_cut_words_alike(books: MadeBooks) -> None:
    with closing(sqlite3.connect(books.atlas)) as connection:
        (index,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = 'words'").fetchone()
    assert "unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'" in index
    assert terms_of("S/O Ramesh-Kumar, ANDER* a*") == ("s", "o", "ramesh", "kumar", "ander*", "a")


@given(st.text(max_size=60))
def test_no_search_is_a_mistake_in_the_index_s_own_language(text: str) -> None:
    terms = terms_of(text)
    assert len(terms) <= TERMS_AT_MOST
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(
            "CREATE VIRTUAL TABLE words USING fts5(body, detail=none, prefix='2 3 4', "
            "tokenize=\"unicode61 remove_diacritics 2 categories 'L* N* Co Mn Mc'\")"
        )
        connection.execute("INSERT INTO words VALUES (?)", [text.encode("utf-8", "replace").decode()])
        if terms:
            found = connection.execute("SELECT 1 FROM words WHERE words MATCH ?", [matching(terms)])
            assert found.fetchall() == [(1,)]
