"""Whole Aadhaar numbers in every hiding place of payloads: none of them is at rest anywhere afterwards.

    python -m tests.faults.hiding [--payloads 10000] [--numbers 1000] [--seed 7]

The payloads come to the receiver as callbacks and are taken up; the column mirror follows, and everything is
exported. Then every value of both books' tables, every byte of every file (books, logs, mirror, exports) and
everything that was logged is searched for the numbers.
"""

from __future__ import annotations

import argparse
import json
import logging
import random
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atlas_core.books.queries import What
from atlas_core.books.schema import migrate_desk
from atlas_core.exporting.exports import write_export
from atlas_core.exporting.orders import Order
from atlas_core.exporting.sheets import Format
from atlas_core.insight.finding import FlowFilter
from atlas_core.settings import load_settings
from tests.benchmarks.table import Row, all_met, none, show
from tests.doors import Door, open_door
from tests.faults.taking_up import take_up_all
from tests.invented_numbers import SCRIPTS, aadhaar, fours, in_script, numbers_left
from tests.mirrored import follow

TOKENS_LAST = 500  # payloads; a token lives ten minutes


@dataclass
class Found:
    """What was sent, what was searched, and where a number was still found (never the number)."""

    payloads: int = 0
    refused: int = 0
    searched: int = 0
    places: list[str] = field(default_factory=list)


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.getMessage()} {vars(record)}")


def written(chance: random.Random, number: str) -> Any:
    """One of the ways in which documents and people write it."""
    return chance.choice(
        (
            number,
            int(number),
            fours(number),
            fours(number, "-"),
            in_script(number, chance.choice(SCRIPTS)),
            f"Aadhaar No. {fours(number)} of the applicant",
            f"uid{{{number}}}",
            [number, {"again": fours(number)}],
            {"front": {"number": number}, "note": f"see {number}."},
            json.dumps({"aadhaar": number}),
        )
    )


def payload(chance: random.Random, number: str) -> dict[str, Any]:
    """A result of flow-0001 with the number in one hiding place or in several."""
    document: dict[str, Any] = {
        "document_id": f"doc-{chance.randrange(10**6)}",
        "document_type": "AADHAAR",
        "error_code": "",
        "error_reason": "",
        "extracts": {"name": {"value": "Invented Person", "confidence": 0.9}},
    }
    check: dict[str, Any] = {
        "name": "CUSTOMER_NAME",
        "source_doc": "INVOICE",
        "source_field_name": "customer_name",
        "source_value": "Invented Person",
        "target_doc": "AADHAAR",
        "target_field_name": "name",
        "target_value": "Invented Person",
        "similarity_score": chance.randrange(101),
    }
    whole: dict[str, Any] = {"flow_uuid": "flow-0001", "ocr_data": [document], "cross_checks": [check]}
    hide = written(chance, number)
    text = hide if isinstance(hide, str) else fours(number)
    for place in chance.sample(range(9), chance.choice((1, 1, 2, 4))):
        if place == 0:
            document["extracts"]["aadhaar_number"] = {"value": hide, "confidence": 0.8}
        elif place == 1:
            document["extracts"]["address"] = {"value": f"12 Invented Road, {text}", "confidence": 0.7}
        elif place == 2:
            document["extracts"][f"line {text}"] = {"value": "x", "confidence": 0.5}
        elif place == 3:
            document["error_code"], document["error_reason"] = "INVALID_DOC", f"number {text} is smudged"
        elif place == 4:
            check["source_value"] = check["target_value"] = text
        elif place == 5:
            whole["remarks"] = hide
        elif place == 6:
            document["extra"] = {"deep": [{"deeper": hide}]}
        elif place == 7:
            document["file_url"] = (
                f"https://files.lender.example/{number}/front.jpg?name={number}&X-Amz-Signature=s"
            )
        else:
            document["extracts"]["list"] = {"value": [text, text], "confidence": 0.1}
    return whole


def run(folder: Path, *, payloads: int, numbers: int, seed: int = 7) -> Found:
    """Everything in `folder`, which is a desk's data folder afterwards."""
    chance, found, heard = random.Random(seed), Found(), _Heard()
    made = [aadhaar(chance) for _ in range(numbers)]
    root = logging.getLogger()
    root.addHandler(heard)
    try:
        with open_door(folder) as door:
            _send(door, chance, made, payloads, found)
            take_up_all(door)
            follow(door.writer, door.book)
            migrate_desk(folder / "desk.db")
            settings = load_settings({"ATLAS_DATA_DIR": str(folder)}, folder / "no.env")
            for what in What:
                order = Order(FlowFilter(), what, Format.CSV, is_masked=False)
                write_export(settings, order, folder / f"{what.value}.csv")
            _search(folder, set(made), found)
    finally:
        root.removeHandler(heard)
    found.places += ["what was logged" for line in heard.lines if made_in(line, set(made))]
    return found


def _send(door: Door, chance: random.Random, made: list[str], payloads: int, found: Found) -> None:
    token = ""
    for place in range(payloads):
        if place % TOKENS_LAST == 0:
            token = door.token()
        found.payloads += 1
        found.refused += door.call(payload(chance, made[place % len(made)]), token) != 200


def made_in(text: str, made: set[str]) -> set[str]:
    """The numbers of ours that a text holds, in whatever digits and apart by whatever signs."""
    return made.intersection(numbers_left(text))


def _search(folder: Path, made: set[str], found: Found) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.searched += path.stat().st_size
        # As UTF-8 and byte by byte: beside other bytes of a page a character may not be read.
        text = path.read_bytes()
        if made_in(text.decode("utf-8", "replace"), made) or made_in(text.decode("latin-1"), made):
            found.places.append(path.name)
    for name in ("atlas.db", "desk.db"):
        with closing(sqlite3.connect(folder / name)) as connection:
            cells = _cells(connection)
            found.places += [f"{name}, table {table}" for table, cell in cells if made_in(cell, made)]


def _cells(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (table,) in tables:
        for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 a table's own name
            for cell in row:
                if isinstance(cell, bytes):
                    yield table, cell.decode("utf-8", "replace")
                elif isinstance(cell, str | int) and len(str(cell)) >= 12:
                    yield table, str(cell)


def rows_of(found: Found) -> list[Row]:
    return [
        Row("payloads sent to the receiver", f"{found.payloads:,}", "", found.payloads, None, " payloads"),
        Row("refused", "", "", found.refused, none("payloads")),
        Row("bytes searched afterwards", "", "", found.searched, None, " bytes"),
        Row("places that hold a number", "", ", ".join(found.places[:4]), len(found.places), none("places")),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--payloads", type=int, default=10_000)
    options.add_argument("--numbers", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=7)
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as place:
        found = run(Path(place), payloads=chosen.payloads, numbers=chosen.numbers, seed=chosen.seed)
    rows = rows_of(found)
    show(rows, ("", "", "told"))
    return int(not all_met(rows))


if __name__ == "__main__":
    sys.exit(main())
