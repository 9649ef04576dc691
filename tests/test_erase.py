"""After an erasure no file holds a byte of what a case said, and nothing brings it back."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from atlas_core.__main__ import main
from atlas_core.access import COMMAND, LOCAL
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.copies import verify_copy
from atlas_core.books.erasures import hold
from atlas_core.books.restoring import restore
from atlas_core.books.schema import check_book
from atlas_core.books.tombstones import FILE, tombstones_in
from atlas_core.books.words import matching, terms_of
from atlas_core.books.writer import AtlasWriter
from tests.made_books import START, add_flow, make_result
from tests.marked import FLOW, MARK, OTHER, MarkedBooks, back_up, files_with, marked_books_in_force
from tests.mirrored import follow, require_same
from tests.old_books import make_old_books
from tests.page_sessions import said, sessions_over, show
from tests.workers import rows


@pytest.fixture
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MarkedBooks:
    return marked_books_in_force(tmp_path, monkeypatch)


def erase(*words: str) -> int:
    return main(["erase", *(words or ("--application", "APP-M")), "--reason", "the customer asked for it"])


def left(books: MarkedBooks) -> list[str]:
    return files_with(MARK, books.data_dir, books.backups)


def test_no_byte_of_an_erased_case_is_left_in_any_file_c40(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(books)
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, f"{OTHER}9", result=make_result(f"{OTHER}9"))
    restore([one for one in copies_in(books.backups) if one.book == "atlas.db"], books.data_dir, now=START)
    exports = books.data_dir / "exports"
    exports.mkdir()
    (exports / "0123456789abcdef.csv").write_text(f"{MARK} Personname")
    (books.data_dir / ".desk.db.restored").write_text(f"{MARK} left by a kill")
    with AtlasWriter(books.atlas) as writer:
        follow(writer, books.atlas)
    before = left(books)
    for place in ("atlas.db", "desk.db", "mirror/names", "set-aside-", "exports/", ".desk.db.restored"):
        assert any(name.startswith(place) or f"/{place}" in name for name in before), place
    assert any(name.startswith("atlas-") for name in before), "a backup has it"

    started = time.monotonic()
    assert erase() == 0
    assert time.monotonic() - started < 60
    assert left(books) == []
    said = capsys.readouterr()
    assert "Found: 0." in said.out
    assert "Written anew without it: 2 backups." in said.out
    assert MARK not in said.out + said.err
    check_book(books.atlas)
    check_book(books.desk)
    assert len(require_same(books.atlas).flows) == 5
    for copy in copies_in(books.backups):
        verify_copy(copy)


def test_what_says_nothing_of_a_person_stays(books: MarkedBooks) -> None:
    def standing() -> list[object]:
        return [
            rows(books.atlas, f"SELECT {columns} FROM {table} ORDER BY 1, 2")  # noqa: S608
            for table, columns in (
                ("flows", "flow_id, flow_uuid, application_id, outcome, checks, min_similarity, low_checks"),
                ("results", "flow_id, version, confirmed, review_flags, documents, received_at"),
                ("documents", "result_id, position, document_type, error_code, file_uuid"),
                ("fields", "result_id, position, ordinal, name, shape, confidence"),
                ("cross_checks", "result_id, position, name, source_doc, similarity_score"),
                ("flags", "result_id, ordinal, kind"),
                ("deliveries", "delivery_id, channel, outcome, size, received_at"),
                ("status_changes", "flow_id, stage, seen_at, status"),
            )
        ]

    def judged() -> list[tuple[object, ...]]:
        return [
            *rows(books.desk, "SELECT name, verdict, similarity, weight, judged_by FROM verdicts"),
            *rows(books.desk, "SELECT decision, outcome, decided_by, decided_at FROM case_decisions"),
        ]

    stood, was_judged = standing(), judged()
    others = rows(books.atlas, "SELECT * FROM fields WHERE result_id IN (SELECT result_id FROM flows WHERE"
                  " application_id = 'APP-1')")  # fmt: skip
    assert erase() == 0
    assert (standing(), judged()) == (stood, was_judged)
    assert others == rows(books.atlas, "SELECT * FROM fields WHERE value IS NOT NULL")
    assert rows(books.desk, "SELECT application_id, flow_params FROM submissions") == [("APP-M", "{}")]


def test_digests_and_hashes_that_would_confirm_a_guess_go_and_what_belonged_together_still_does(
    books: MarkedBooks,
) -> None:
    of_verdict = "SELECT digest FROM verdicts UNION SELECT digest FROM case_decisions"
    of_result = "SELECT digest FROM results WHERE flow_id = ? ORDER BY version"
    of_deliveries = "SELECT digest FROM deliveries WHERE flow_id = ? ORDER BY delivery_id"
    [(flow_id,)] = rows(books.atlas, "SELECT flow_id FROM flows WHERE flow_uuid = ?", FLOW)
    pairs = rows(books.desk, "SELECT pair FROM verdicts")
    before = [rows(books.atlas, sql, flow_id) for sql in (of_result, of_deliveries)]
    assert rows(books.desk, of_verdict) == before[0][-1:]
    assert erase() == 0
    after = [rows(books.atlas, sql, flow_id) for sql in (of_result, of_deliveries)]
    known = {digest for found in before for digest in found}
    assert not known & {digest for found in after for digest in found}
    assert [len(set(found)) for found in after] == [len(set(found)) for found in before]
    assert rows(books.desk, of_verdict) == after[0][-1:]
    assert rows(books.desk, "SELECT pair FROM verdicts") != pairs
    assert erase() == 0, "once more changes nothing"
    assert [rows(books.atlas, sql, flow_id) for sql in (of_result, of_deliveries)] == after


def test_erased_words_find_nothing_and_others_are_still_found(books: MarkedBooks) -> None:
    def found(text: str) -> list[tuple[int]]:
        return rows(books.atlas, "SELECT rowid FROM words WHERE words MATCH ?", matching(terms_of(text)))

    assert len(found(MARK)) == 1
    assert len(found("another person")) == 3
    assert erase() == 0
    assert found(MARK) == found("qua*") == []
    assert len(found("another person")) == 3
    with closing(sqlite3.connect(books.atlas)) as connection:
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")


def test_the_audit_log_tells_who_why_and_which_case_and_no_value(books: MarkedBooks) -> None:
    assert erase() == 0
    [entry] = rows(books.desk, "SELECT who, subject, reason, detail FROM audit WHERE action = 'erase'")
    assert entry == ("command line", "APP-M", "the customer asked for it", "{}")
    assert books.open_desk().verify_audit().broken_at is None


def test_one_flow_of_an_application_is_erased_alone(books: MarkedBooks) -> None:
    with AtlasWriter(books.atlas) as writer:
        result = make_result("flow-second-001", name="Zebra Personname")
        add_flow(writer, "flow-second-001", application_id="APP-M", result=result)
    assert erase("--flow", FLOW) == 0
    assert left(books) == []
    assert files_with("Zebra Personname", books.data_dir) != []
    assert erase("--flow", "flow-second-001") == 0
    assert files_with("Zebra Personname", books.data_dir) == []


def test_a_text_that_is_also_another_case_s_stays_there_and_is_told_of(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(
            writer, "flow-same-00001", result=make_result("flow-same-00001", name=f"{MARK} Personname again")
        )
    assert erase() == 0
    said = capsys.readouterr().out
    assert "Found: 0." in said
    assert "Not counted, for other cases say them too" in said
    assert rows(books.atlas, "SELECT count(*) FROM fields WHERE value LIKE ?", f"{MARK}%") == [(1,)]


def test_a_case_that_is_held_is_not_erased_until_it_is_released(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hold", "--application", "APP-M", "--reason", "a dispute"]) == 0
    for words in (("--application", "APP-M"), ("--flow", FLOW)):
        assert erase(*words) == 1
        assert "APP-M is held (a dispute)" in capsys.readouterr().err
    assert left(books) != []
    assert rows(books.desk, "SELECT count(*) FROM erasures") == [(0,)]
    assert main(["hold"]) == 0
    assert "APP-M: a dispute" in capsys.readouterr().out
    assert main(["release", "--application", "APP-M", "--reason", "it is settled"]) == 0
    assert main(["release", "--application", "APP-M", "--reason", "it is settled"]) == 1
    assert erase() == 0
    assert left(books) == []
    holds = rows(books.desk, "SELECT subject, reason, detail FROM audit WHERE action = 'hold'")
    assert holds == [("APP-M", "a dispute", "{}"), ("APP-M", "it is settled", '{"released": true}')]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--application", "APP-X"), "The books hold nothing of APP-X"),
        (("--flow", "flow-unknown"), "The books hold nothing of flow-unknown"),
    ],
)
def test_a_case_that_is_not_known_is_told(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert erase(*words) == 1
    assert told in capsys.readouterr().err


def test_a_reason_that_repeats_a_value_is_refused_for_the_audit_log_would_keep_it(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["erase", "--application", "APP-M", "--reason", " "]) == 1
    assert "Say why" in capsys.readouterr().err
    reason = f"{MARK} dealer and sons asked for it".upper()
    assert main(["erase", "--application", "APP-M", "--reason", reason]) == 1
    assert "The reason repeats something" in capsys.readouterr().err
    assert rows(books.desk, "SELECT 1 FROM audit WHERE action = 'erase'") == []


def test_a_saved_view_that_searches_for_the_person_goes_and_others_stay(books: MarkedBooks) -> None:
    desk = books.open_desk()
    desk.save_view("a", "Ours", f"find={MARK}+Personname+again&sort=worst", is_shared=True, by=LOCAL)
    desk.save_view("a", "Theirs", "find=Another+Person+1", is_shared=True, by=LOCAL)
    assert erase() == 0
    assert rows(books.desk, "SELECT name FROM saved_views") == [("Theirs",)]
    assert left(books) == []


def test_what_cannot_be_erased_is_counted_and_the_erasure_is_not_called_done(
    books: MarkedBooks, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(books.open_desk(), COMMAND, "APP-2", reason=f"as {MARK} Dealer and Sons said")
    assert erase() == 1
    said = capsys.readouterr().out
    assert "Found: 1." in said
    assert "not wholly erased" in said
    assert rows(books.desk, "SELECT done_at FROM erasures") == [(None,)]


# --------------------------------------------------------------------------------- older copies


def test_a_backup_kept_elsewhere_is_erased_when_it_is_restored_c40(
    books: MarkedBooks, tmp_path: Path
) -> None:
    back_up(books)
    elsewhere = tmp_path / "elsewhere"
    books.backups.rename(elsewhere)
    assert erase() == 0
    assert len(files_with(MARK, elsewhere)) == 2
    assert main(["restore", str(elsewhere)]) == 0
    assert left(books) == []
    assert (books.data_dir / FILE).stat().st_mode & 0o777 == 0o600
    [(flow_erased, watched)] = rows(
        books.atlas, "SELECT erased_at IS NOT NULL, watched FROM flows WHERE flow_uuid = ?", FLOW
    )
    assert (flow_erased, watched) == (1, 0)
    assert len(rows(books.atlas, "SELECT 1 FROM fields WHERE value LIKE 'Another Person%'")) == 3
    with AtlasWriter(books.atlas) as writer:
        follow(writer, books.atlas)
    require_same(books.atlas)
    assert left(books) == []

    other = tmp_path / "other"
    assert main(["restore", str(elsewhere), "--to", str(other)]) == 0
    assert files_with(MARK, other) == []
    assert tombstones_in(other) == tombstones_in(books.data_dir)

    alone = tmp_path / "alone"  # one book without the other, which the worker opens later
    [of_atlas] = [copy.name for copy in copies_in(elsewhere) if copy.book == "atlas.db"]
    assert main(["restore", str(elsewhere / of_atlas), "--to", str(alone)]) == 0
    assert (alone / "atlas.db").exists()
    assert files_with(MARK, alone) == []


def test_a_backup_of_the_first_edition_is_erased_and_still_one_of_that_edition_c40(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atlas, desk = make_old_books(tmp_path, 5)
    with closing(sqlite3.connect(atlas)) as connection, connection:
        connection.execute("UPDATE fields SET value = ? WHERE result_id = 3", [f"{MARK} Personname"])
    backups = tmp_path / "backups"
    for book in (atlas, desk):
        take_backup(book, backups, now=START, label="before-upgrade")
    before = {copy.book: copy for copy in copies_in(backups)}
    monkeypatch.setenv("ATLAS_DATA_DIR", str(tmp_path))
    assert files_with(MARK, backups) != []
    assert main(["erase", "--application", "APP-3", "--reason", "asked for"]) == 0
    assert files_with(MARK, tmp_path) == []
    first = [copy for copy in copies_in(backups) if copy.taken_at == START]
    for copy in first:
        verify_copy(copy)
        assert copy.edition == before[copy.book].edition == (before[copy.book].edition[0],)
        assert copy.sha256 != before[copy.book].sha256
    restore(first, tmp_path, now=START)
    values = rows(atlas, "SELECT value FROM fields ORDER BY result_id")
    assert values == [("Invented Person",)] * 2 + [(None,)] + [("Invented Person",)] * 2
    assert rows(atlas, "SELECT flow_uuid FROM flows WHERE erased_at IS NOT NULL") == [("old-00000003",)]


def test_a_tombstone_names_the_case_and_outlives_a_torn_line(books: MarkedBooks) -> None:
    (books.data_dir / FILE).write_bytes(b'{"at": 1, "applicat')
    assert erase() == 0
    [tombstone] = tombstones_in(books.data_dir)
    assert (tombstone.application_id, tombstone.flow_uuid) == ("APP-M", None)


def test_an_application_that_is_sent_again_after_its_erasure_is_a_case_of_its_own(books: MarkedBooks) -> None:
    assert erase() == 0
    again = time.time_ns() // 1_000_000 + 1_000
    with AtlasWriter(books.atlas) as writer:
        add_flow(
            writer,
            "flow-again-0001",
            application_id="APP-M",
            created_at=again,
            result=make_result("flow-again-0001", name="Newly Sent Person"),
        )
    back_up(books, again)
    restore(copies_in(books.backups), books.data_dir, now=again)
    assert files_with("Newly Sent Person", books.data_dir) != []


def test_the_page_of_an_erased_flow_says_so_in_place_of_values(books: MarkedBooks) -> None:
    masked = "Q\u2022\u2022\u2022\u2022\u2022"
    with sessions_over(books.data_dir):
        assert masked in said(show("flow", flow=FLOW))
        assert erase() == 0
        session = show("flow", flow=FLOW)
        assert masked not in said(session)
        assert MARK not in said(session)
        assert any("Erased on" in info.value for info in session.info)
        assert "similarity 64 of 100" in said(session)
        assert MARK not in said(show("results"))
