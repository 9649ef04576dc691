"""Exports: whole, inert and masked, in every format."""

from __future__ import annotations

import csv
import json
import stat
import tracemalloc
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlas_core.__main__ import main
from atlas_core.access import Role, User
from atlas_core.books.mirror import Mirror
from atlas_core.books.queries import COLUMNS, Column, Kind, What
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import ExportCancelled, ExportFailed, InputError, NotAllowed
from atlas_core.exporting import sheets
from atlas_core.exporting.cells import CELL_AT_MOST, CUT, FORMULA_STARTS, csv_cell, sheet_text
from atlas_core.exporting.exports import Progress, in_words, write_export
from atlas_core.exporting.orders import Order, note_order
from atlas_core.exporting.sheets import Format, open_sheet
from atlas_core.insight.finding import FlowFilter
from atlas_core.settings import Settings, load_settings
from tests.made_books import MINUTE, START, MadeBooks, add_flow, make_books, make_result, reading

FORMATS = tuple(Format)
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1", "http://canary.invalid/x")
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    return make_books(tmp_path)


@pytest.fixture
def settings(books: MadeBooks) -> Settings:
    return load_settings({"ATLAS_DATA_DIR": str(books.atlas.parent)}, Path("no.env"))


@pytest.fixture
def filled(books: MadeBooks) -> MadeBooks:
    """Sixty flows, one of them failed; names in them are hostile, and application ids are numbers."""
    with AtlasWriter(books.atlas) as writer:
        for number in range(60):
            name = HOSTILE[number % len(HOSTILE)]
            add_flow(
                writer,
                f"flow-{number:04}",
                application_id=f"{number:012}",
                created_at=START + number * MINUTE,
                result=make_result(f"flow-{number:04}", name=name, similarities=(12, 99.5, None)),
            )
        mirror = Mirror(writer, books.atlas)
        mirror.catch_up()
        mirror.close()
    return books


def read(path: Path, kind: Format) -> list[list[object]]:
    """The rows of a file, its heading first, as any reader of the format sees them."""
    if kind is Format.CSV:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [list(row) for row in csv.reader(file)]
    if kind is Format.PARQUET:
        table = pq.read_table(path)
        return [table.column_names, *(list(row.values()) for row in table.to_pylist())]
    return [row for sheet in xlsx_sheets(path) for row in sheet]


def xlsx_sheets(path: Path) -> list[list[list[object]]]:
    sheets_found = []
    with zipfile.ZipFile(path) as book:
        for name in sorted(name for name in book.namelist() if "worksheets/sheet" in name):
            root = ElementTree.fromstring(book.read(name))  # noqa: S314 -- our own file
            assert not root.findall(f".//{MAIN}f")
            assert not root.findall(f".//{MAIN}hyperlink")
            sheets_found.append([[xlsx_value(cell) for cell in row] for row in root.iter(f"{MAIN}row")])
        assert not [name for name in book.namelist() if "rels/sheet" in name or "external" in name.lower()]
    return sheets_found


def xlsx_value(cell: ElementTree.Element) -> object:
    if cell.get("t") == "inlineStr":
        return "".join(cell.itertext())
    assert cell.get("t") is None
    text = cell.findtext(f"{MAIN}v")
    return None if text is None else float(text)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("what", tuple(What))
def test_every_row_that_fits_is_in_the_file_not_only_a_page(
    filled: MadeBooks, settings: Settings, tmp_path: Path, kind: Format, what: What
) -> None:
    path = tmp_path / f"out.{kind}"
    progress = write_export(settings, Order(FlowFilter(), what, kind, is_masked=False), path)
    expected = {What.FLOWS: 60, What.DOCUMENTS: 60, What.FIELDS: 120, What.CROSS_CHECKS: 180}[what]
    heading, *rows = read(path, kind)
    assert heading == [column.name for column in COLUMNS[what]]
    assert len(rows) == progress.rows == progress.rows_expected == expected
    assert progress.flows == progress.flows_expected == 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [row[0] for row in rows][:: expected // 60] == [
        f"flow-{number:04}" for number in reversed(range(60))
    ]


@pytest.mark.parametrize("kind", FORMATS)
def test_ids_keep_their_zeros_and_numbers_stay_numbers_b114(
    filled: MadeBooks, settings: Settings, tmp_path: Path, kind: Format
) -> None:
    path = tmp_path / f"out.{kind}"
    write_export(settings, Order(FlowFilter(), What.CROSS_CHECKS, kind, is_masked=False), path)
    rows = read(path, kind)[1:]
    assert rows[0][1] == "000000000059"
    assert [row[-1] for row in rows[:2]] == (["12", "99.5"] if kind is Format.CSV else [12, 99.5])
    if kind is Format.CSV:
        frame = pd.read_csv(path, dtype={"application_id": str})
        assert frame["similarity_score"].dtype == float


def test_no_cell_is_ever_a_formula_or_a_link_b113_c42(
    filled: MadeBooks, settings: Settings, tmp_path: Path
) -> None:
    for kind in (Format.CSV, Format.XLSX):
        path = tmp_path / f"out.{kind}"
        write_export(settings, Order(FlowFilter(), What.FIELDS, kind, is_masked=False), path)
        values = [row[6] for row in read(path, kind)[1:] if row[5] == "customer_name"]
        if kind is Format.CSV:
            assert not [value for value in values if str(value).startswith(FORMULA_STARTS)]
            assert "'=1+1" in values
        else:
            assert set(values) >= {"=1+1", "-1", "@SUM(A1)", "\uff1d1+1", "http://canary.invalid/x"}


@given(st.one_of(st.text(max_size=20), st.sampled_from(HOSTILE)))
def test_a_guarded_text_can_be_read_back_and_starts_no_formula(text: str) -> None:
    cell = csv_cell(text)
    assert isinstance(cell, str)
    assert not cell.startswith(FORMULA_STARTS)
    assert cell in (text, "'" + text)
    assert csv_cell(-12.5) == -12.5


def test_a_text_too_long_for_a_cell_is_cut_on_purpose_and_counted_b115(tmp_path: Path) -> None:
    """B115."""
    path = tmp_path / "long.xlsx"
    sheet = open_sheet(path, Format.XLSX, "fields", [Column("value", Kind.ANY)])
    long = "\U0001f600" * 20_000
    sheet.add(
        [("x" * CELL_AT_MOST,), (long,), ("x" * (CELL_AT_MOST + 1),), (123456789012345678,), ("bad\ufffe\0",)]
    )
    sheet.close()
    assert sheet.cut_cells == 2
    whole, emoji, cut, number, odd = [row[0] for row in read(path, Format.XLSX)[1:]]
    assert whole == "x" * CELL_AT_MOST
    assert cut == "x" * (CELL_AT_MOST - len(CUT)) + CUT
    assert len(str(emoji).encode("utf-16-le")) // 2 <= CELL_AT_MOST
    assert str(emoji).endswith(CUT)
    assert number == "123456789012345678"
    assert odd == "bad\ufffd_x0000_"
    assert "2 texts were too long" in in_words(Progress(5, 5, 1, 1, 2), What.FIELDS)
    assert sheet_text("short") == ("short", False)


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "ROWS_OF_A_SHEET", 11)
    path = tmp_path / "many.xlsx"
    sheet = open_sheet(path, Format.XLSX, "flows", [Column("position", Kind.NUMBER)])
    sheet.add([(number,) for number in range(25)])
    sheet.close()
    found = xlsx_sheets(path)
    assert [len(rows) for rows in found] == [11, 11, 6]
    assert [row[0] for rows in found for row in rows[1:]] == list(range(25))


def test_a_parquet_has_types_and_many_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "_ROWS_OF_A_GROUP", 10)
    path = tmp_path / "typed.parquet"
    columns = [Column("id"), Column("at", Kind.TIME), Column("n", Kind.NUMBER), Column("value", Kind.ANY)]
    sheet = open_sheet(path, Format.PARQUET, "x", columns)
    for start in range(0, 30, 6):
        sheet.add(
            [
                (f"{number:03}", START, None if number % 2 else number, number)
                for number in range(start, start + 6)
            ]
        )
    sheet.close()
    schema = pq.read_schema(path)
    assert [str(field.type) for field in schema] == ["string", "timestamp[ms, tz=UTC]", "double", "string"]
    assert pq.ParquetFile(path).metadata.num_row_groups == 3
    assert pq.read_table(path)["value"].to_pylist() == [str(number) for number in range(30)]
    assert pa.types.is_string(schema.field("id").type)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_of_nothing_has_its_heading_b117(
    books: MadeBooks, settings: Settings, tmp_path: Path, kind: Format
) -> None:
    with AtlasWriter(books.atlas) as writer:
        Mirror(writer, books.atlas).catch_up()
    path = tmp_path / f"none.{kind}"
    progress = write_export(settings, Order(FlowFilter(), What.FLOWS, kind, is_masked=False), path)
    assert len(read(path, kind)) == 1
    assert in_words(progress, What.FLOWS) == "0 of 0 flows"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_cancelled_export_leaves_nothing(
    filled: MadeBooks, settings: Settings, tmp_path: Path, kind: Format
) -> None:
    (tmp_path / "place").mkdir()
    with pytest.raises(ExportCancelled):
        write_export(
            settings,
            Order(FlowFilter(), What.FLOWS, kind),
            tmp_path / "place" / "x",
            is_cancelled=lambda: True,
        )
    assert list((tmp_path / "place").iterdir()) == []


def test_an_export_that_cannot_be_written_says_why(
    filled: MadeBooks, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(ExportFailed, match=r"out.csv could not be written: No such file"):
        write_export(
            settings,
            Order(FlowFilter(), What.FLOWS, Format.CSV, is_masked=False),
            tmp_path / "nowhere" / "out.csv",
        )


MIXED = (98.5, "98.5", None, True, 7, "", "seven")


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_of_mixed_values_is_written_as_it_is_and_a_number_stays_one_b116(
    tmp_path: Path, kind: Format
) -> None:
    path = tmp_path / f"mixed.{kind}"
    sheet = open_sheet(path, kind, "x", [Column("value", Kind.ANY), Column("n", Kind.NUMBER)])
    sheet.add([(value, place) for place, value in enumerate(MIXED)])
    sheet.close()
    rows = read(path, kind)[1:]
    assert [float(row[-1]) for row in rows] == list(range(len(MIXED)))
    assert [str(row[0]) for row in rows[:2]] == ["98.5", "98.5"]
    assert rows[-1][0] == "seven"


@pytest.mark.parametrize("kind", FORMATS)
def test_personal_values_are_masked_unless_a_lead_says_why_b123(
    books: MadeBooks, settings: Settings, tmp_path: Path, kind: Format
) -> None:
    with AtlasWriter(books.atlas) as writer:
        add_flow(writer, "flow-0001", result=make_result("flow-0001", name="Invented Person"))
        Mirror(writer, books.atlas).catch_up()
    for what, column in ((What.FIELDS, "value"), (What.CROSS_CHECKS, "source_value")):
        place = [found.name for found in COLUMNS[what]].index(column)
        for is_masked, expected in ((True, "I••••••• P•••••"), (False, "Invented Person")):
            path = tmp_path / f"{what.value}-{is_masked}.{kind}"
            write_export(settings, Order(FlowFilter(), what, kind, is_masked), path)
            found = [row[place] for row in read(path, kind)[1:]]
            assert found[0] == expected
            assert str(found[-1]) in ("19999", "19999.0", expected)  # a price says nothing of anybody


def test_who_exported_what_stands_in_the_log_before_the_file_does_and_no_searched_name_b126(
    books: MadeBooks, settings: Settings
) -> None:
    lead = User("ravi@lender.example", "Ravi", frozenset({Role.LEAD}), True, "s1")
    wanted = FlowFilter(words="Invented Person", outcomes=("review",))
    note_order(settings, lead, Order(wanted, What.FIELDS, Format.CSV), flows=12)
    note_order(
        settings, lead, Order(wanted, What.FIELDS, Format.CSV, False), flows=12, reason="asked by the court"
    )
    with pytest.raises(InputError, match="Say why personal values are needed"):
        note_order(settings, lead, Order(wanted, What.FIELDS, Format.CSV, False), flows=12, reason=" ")
    for role in (Role.VIEWER, Role.ANALYST, Role.ADMIN):
        with pytest.raises(NotAllowed):
            note_order(
                settings, User("v", "V", frozenset({role})), Order(wanted, What.FLOWS, Format.CSV), flows=1
            )
    with reading(books) as opened:
        entries = audit_entries(opened).to_dict("records")
    assert [(entry["action"], entry["subject"], entry["reason"]) for entry in entries] == [
        ("export unmasked", "fields", "asked by the court"),
        ("export", "fields", ""),
    ]
    assert "Invented" not in str(entries)
    assert json.loads(entries[0]["detail"]) == {
        "filter": "outcome=review",
        "searched": True,
        "flows": 12,
        "format": "csv",
        "columns": 8,
    }


@pytest.mark.parametrize("kind", FORMATS)
def test_an_export_ten_times_as_long_needs_no_more_memory_b126(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Format
) -> None:
    monkeypatch.setattr(sheets, "_ROWS_OF_A_GROUP", 1_000)

    def peak_of(rows: int) -> int:
        sheet = open_sheet(
            tmp_path / f"{rows}.{kind}", kind, "flows", [Column("id"), Column("n", Kind.NUMBER)]
        )
        tracemalloc.start()
        try:
            for start in range(0, rows, 1_000):
                sheet.add([(f"{number:012}", number) for number in range(start, start + 1_000)])
            sheet.close()
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small = peak_of(3_000)
    assert peak_of(30_000) < small + 2_000_000


def test_the_command_exports_what_a_copied_link_shows(
    filled: MadeBooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ATLAS_DATA_DIR", str(filled.atlas.parent))
    path = tmp_path / "ten.csv"
    link = "http://127.0.0.1:8501/results?find=00000000005&sort=worst"
    assert main(["export", "--what", "cross-checks", str(path), "--filter", link]) == 0
    assert f"30 of 30 cross-checks of 10 flows are in {path}." in capsys.readouterr().out
    assert len(read(path, Format.CSV)) == 31
    assert {row[6] for row in read(path, Format.CSV)[1:]}.isdisjoint(HOSTILE)
    assert "Invented" not in path.read_text(encoding="utf-8")
    assert main(["export", "--unmasked", str(tmp_path / "z.csv")]) == 1
    assert "Say why personal values are needed" in capsys.readouterr().err
    assert main(["export", str(path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "x.pdf")]) == 1
    assert main(["export"]) == 1
    assert main(["export", str(tmp_path / "y.csv"), "--filter", "colour=red"]) == 1
