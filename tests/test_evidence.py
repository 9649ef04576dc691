"""The evidence of cases: complete, masked, and checkable by anybody with sha256sum."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from atlas_core.access import LOCAL, Role, User
from atlas_core.books.case_decisions import decide_case
from atlas_core.books.claims import CaseSeen, note_case
from atlas_core.books.queries.audit import audit_entries
from atlas_core.books.threshold_sets import InForce
from atlas_core.books.verdicts import JudgedCheck, give_verdict
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import ExportFailed, InputError, NotAllowed
from atlas_core.exporting.evidence import CASES_AT_MOST, write_evidence
from atlas_core.settings import Settings, load_settings
from atlas_core.thresholds import Thresholds
from tests.made_books import MadeBooks, add_flow, make_books, make_result, reading

CHECK = JudgedCheck(0, "CUSTOMER_NAME", "D", "n", "I", "n", 40, ("a", "b"), "queue", 1.0, True)


@pytest.fixture
def books(tmp_path: Path) -> MadeBooks:
    made = make_books(tmp_path)
    with AtlasWriter(made.atlas) as writer:
        for number in (1, 2):
            result = make_result(f"flow-{number:04}", similarities=(40, 95), name="Asha Rao")
            add_flow(
                writer, f"flow-{number:04}", application_id=f"=APP/{number}", result=result, by_callback=True
            )
    desk = made.open_desk()
    digest = hashlib.sha256(b"").hexdigest()
    seen = CaseSeen("flow-0001", digest)
    give_verdict(desk, LOCAL, seen, [CHECK], "different", reason="other person", adoption_id=None)
    note_case(desk, LOCAL, "flow-0001", "called the branch")
    decide_case(desk, LOCAL, seen, "reject", outcome="review", in_force=InForce(Thresholds()))
    return made


@pytest.fixture
def settings(books: MadeBooks) -> Settings:
    return load_settings({"ATLAS_DATA_DIR": str(books.desk.parent)}, books.desk.parent / "no.env")


def unpacked(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def case_in(files: dict[str, bytes], number: int) -> dict[str, Any]:
    return dict(json.loads(files[f"cases/_APP_{number}-flow-{number:04}.json"]))


def test_a_case_is_told_whole_and_masked(settings: Settings, books: MadeBooks, tmp_path: Path) -> None:
    path = tmp_path / "evidence.zip"
    write_evidence(settings, LOCAL, ["flow-0001"], path, reason="audit of June")
    files = unpacked(path)
    case = case_in(files, 1)
    assert b"Asha" not in b"".join(files.values())
    assert b"sig=" not in b"".join(files.values())
    first, second = case["result"]["cross_checks"]
    assert (first["similarity"], first["band"], first["source_value"]) == (
        40,
        "review",
        "A\u2022\u2022\u2022 R\u2022\u2022",
    )
    assert second["band"] == "strong"
    assert [verdict["verdict"] for verdict in case["verdicts"]] == ["different"]
    assert [(made["decision"], made["decided_by"]) for made in case["decisions"]] == [("reject", "local")]
    assert [note["text"] for note in case["notes"]] == ["called the branch"]
    assert {delivery["channel"] for delivery in case["deliveries"]} == {"callback", "extracts"}
    assert all(len(delivery["digest"]) == 64 for delivery in case["deliveries"])
    assert case["files"] == [
        {"batch_id": "flow-0001-batch", "file_uuid": "flow-0001-file", "document_id": "flow-0001-doc"}
    ]
    assert case["result"]["digest"] == case["versions"][0]["digest"]


def test_the_manifest_names_every_file_with_its_hash_and_sha256sum_agrees(
    settings: Settings, books: MadeBooks, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.zip"
    told = write_evidence(
        settings, LOCAL, ["flow-0001", "flow-0002", "gone-0003"], path, reason="for the court"
    )
    files = unpacked(path)
    manifest = json.loads(files["manifest.json"])
    assert manifest == told | {"sha256": manifest["sha256"]}
    assert (manifest["cases"], manifest["missing"]) == (2, ["gone-0003"])
    assert (manifest["made_by"], manifest["reason"]) == ("local", "for the court")
    assert manifest["audit_head"] == books.open_desk().verify_audit().head
    assert manifest["sha256"] == {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name not in ("manifest.json", "SHA256SUMS")
    }
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "out")
    checked = subprocess.run(
        ["sha256sum", "--check", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_table_has_a_line_a_case_and_no_formula(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "evidence.zip"
    write_evidence(settings, LOCAL, ["flow-0001", "flow-0002"], path, reason="r")
    rows = list(csv.DictReader(io.StringIO(unpacked(path)["cases.csv"].decode())))
    assert [row["application_id"] for row in rows] == ["'=APP/1", "'=APP/2"]
    assert [(row["decision"], row["verdicts"], row["min_similarity"]) for row in rows] == [
        ("reject", "1", "40"),
        ("", "0", "40"),
    ]


def test_who_took_evidence_and_why_is_in_the_log_and_only_leads_may(
    settings: Settings, books: MadeBooks, tmp_path: Path
) -> None:
    analyst = User("a", "A", frozenset({Role.ANALYST}))
    with pytest.raises(NotAllowed):
        write_evidence(settings, analyst, ["flow-0001"], tmp_path / "x.zip", reason="r")
    for flow_uuids, reason, words in (
        (["flow-0001"], " ", "what the evidence is for"),
        ([], "r", "1 to 5,000"),
        (["f"] * (CASES_AT_MOST + 1), "r", "1 to 5,000"),
    ):
        with pytest.raises(InputError, match=words):
            write_evidence(settings, LOCAL, flow_uuids, tmp_path / "x.zip", reason=reason)
    write_evidence(settings, LOCAL, ["flow-0001"], tmp_path / "x.zip", reason="audit of June")
    with reading(books) as opened:
        entry = audit_entries(opened, action="export").to_dict("records")
    assert [(row["reason"], row["detail"]) for row in entry] == [("audit of June", '{"cases": 1}')]


def test_evidence_that_cannot_be_written_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="could not be written"):
        write_evidence(settings, LOCAL, ["flow-0001"], tmp_path / "no" / "x.zip", reason="r")
    path = tmp_path / "x.zip"
    write_evidence(settings, LOCAL, ["flow-0001"], path, reason="r")
    assert path.stat().st_mode & 0o077 == 0
    assert [found.name for found in tmp_path.glob("*.part")] == []
