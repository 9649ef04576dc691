"""Every row is checked before anything is sent; each finding says where and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.schema import migrate_desk
from atlas_core.errors import InputError
from atlas_core.intake import CSV_TEMPLATE, Checked, Row, check_rows, read_csv, rows_of_form
from atlas_core.models import FileToSend, SubmissionToSave

NOW = 1_795_000_000_000  # 2026-11-18
SANDBOX = "http://127.0.0.1:8700"
GOOD_URL = "https://files.lender.example/a.pdf"


def check(*rows: Row, **more: object) -> Checked:
    return check_rows(rows, now=NOW, **more)  # type: ignore[arg-type]


def row(
    number: int = 2, application: str = "L-1", url: str = GOOD_URL, document: str = "d1", params: str = ""
) -> Row:
    return Row(number, application, url, document, params)


def test_the_template_passes_its_own_check() -> None:
    checked = check_rows(read_csv(CSV_TEMPLATE.encode()), now=NOW)
    assert checked.findings == ()
    (application,) = checked.applications
    assert application.application_id == "LOAN-0001"
    assert application.flow_params == {"branch": "PUNE"}
    assert [file.document_id for file in application.files] == ["invoice", "delivery-order"]


def test_rows_of_one_application_form_one_flow_wherever_they_stand() -> None:
    checked = check(row(2, "L-1", document="a"), row(3, "L-2"), row(4, "L-1", document="b"))
    assert [(item.application_id, item.rows) for item in checked.applications] == [
        ("L-1", (2, 4)),
        ("L-2", (3,)),
    ]
    assert checked.applications[0].files == (FileToSend("a", GOOD_URL), FileToSend("b", GOOD_URL))


def test_a_csv_of_a_spreadsheet_is_read_with_its_mark_and_semicolons() -> None:
    content = "\ufeffApplication_ID;FILE_URL;document_id\r\n007;https://a.example/1;d\r\n;;\r\n".encode()
    assert read_csv(content) == [Row(2, "007", "https://a.example/1", "d")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"application_id,file_url\nL,https://a.example\n", "lacks the column document_id"),
        (b"application_id,file_url,document_id\n", "no rows"),
        ("application_id,file_url,document_id\nL\xe9,x,y\n".encode("latin-1"), "not UTF-8"),
        (b"application_id,file_url,document_id\nL,https://a.example/1,2,d\n", "Line 2 of the CSV has more"),
        (b'application_id,file_url,document_id\n"L,https://a.example,d\n', "cannot be read near line 1"),
    ],
)
def test_a_csv_that_cannot_be_used_says_why(content: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_csv(content)


@pytest.mark.parametrize(
    "application",
    ["", " ", "<script>alert(1)</script>", '"><img src=x>', "x" * 65, "a b", "a\nb", "😀", "लोन"],
)
def test_B110_an_odd_application_id_is_a_problem(application: str) -> None:
    checked = check(row(application=application))
    assert [(finding.column, finding.is_problem) for finding in checked.findings] == [
        ("application_id", True)
    ]
    assert checked.applications == ()


@pytest.mark.parametrize(
    "url",
    [
        "http://files.lender.example/a.pdf",
        "ftp://files.lender.example/a.pdf",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//files.lender.example/a",
        "https://localhost/a",
        "https://a.localhost/a",
        "https://intranet/a",
        "https://vault.internal/a",
        "https://127.0.0.1/a",
        "https://127.1/a",
        "https://2130706433/a",
        "https://0x7f.1/a",
        "https://0177.0.0.1/a",
        "https://10.1.2.3/a",
        "https://192.168.0.1/a",
        "https://172.16.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/a",
        "https://[fd00::1]/a",
        "https://[::ffff:10.0.0.1]/a",
        "https://user:word@files.lender.example/a",
        "https://files.lender.example/a b",
        "https://files.lender.example:99999/a",
        "https://files.lender.example\\@evil.example/a",
        "https://fіles.lender.example/a",
        "http://127.0.0.1:8701/a",
        "https:///a",
        "",
        "https://files.lender.example/" + "a" * 9000,
    ],
)
def test_a_link_that_atlas_must_not_or_cannot_open_is_a_problem(url: str) -> None:
    checked = check(row(url=url), local_atlas=SANDBOX)
    assert [(finding.column, finding.is_problem) for finding in checked.findings] == [("file_url", True)]


def test_only_the_sandbox_may_be_given_documents_of_this_machine() -> None:
    url = f"{SANDBOX}/sandbox/documents/L-1/invoice.png"
    assert check(row(url=url), local_atlas=SANDBOX).findings == ()
    assert check(row(url=url)).problems
    assert check(row(url=url), local_atlas="http://127.0.0.1:9999").problems


@pytest.mark.parametrize(
    ("query", "is_problem", "said"),
    [
        ("X-Amz-Date=20261118T100000Z&X-Amz-Expires=3600&X-Amz-Signature=0", True, "has run out"),
        ("X-Amz-Date=20261118T110000Z&X-Amz-Expires=3600&X-Amz-Signature=0", False, "ends in 6 min"),
        ("X-Amz-Signature=0", False, "does not say until when"),
        ("sv=2024&sig=0", False, "does not say until when"),
        ("X-Amz-Date=20261118T180000Z&X-Amz-Expires=3600&X-Amz-Signature=0", None, ""),
        ("version=7", None, ""),
    ],
)
def test_a_link_that_has_run_out_is_a_problem_and_one_that_soon_may_a_warning_b58(
    query: str, is_problem: bool | None, said: str
) -> None:
    now = 1_795_000_000_000 // 86_400_000 * 86_400_000 + int(11.9 * 3_600_000)
    checked = check_rows([row(url=f"https://b.s3.amazonaws.com/a.pdf?{query}")], now=now)
    assert [finding.is_problem for finding in checked.findings] == (
        [] if is_problem is None else [is_problem]
    )
    assert all(said in finding.sentence for finding in checked.findings)
    assert len(checked.applications) == (0 if is_problem else 1)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("files.lender.example", True),
        ("FILES.lender.example", True),
        ("scans.s3.ap-south-1.amazonaws.com", True),
        ("s3.ap-south-1.amazonaws.com", False),
        ("files.lender.example.evil.example", False),
        ("evil-files.lender.example", False),
        ("drive.example", False),
    ],
)
def test_documents_come_only_from_the_hosts_that_are_set_where_any_are_b58(host: str, allowed: bool) -> None:
    hosts = ("files.lender.example", ".s3.ap-south-1.amazonaws.com")
    checked = check(row(url=f"https://{host}/a.pdf"), file_hosts=hosts)
    assert [finding.is_problem for finding in checked.findings] == ([] if allowed else [True])
    assert check(row(url=f"https://{host}/a.pdf")).findings == ()


def test_a_repeated_document_id_is_a_warning_that_names_the_other_row() -> None:
    checked = check(row(2), row(3), row(4, "L-2"))
    (finding,) = checked.findings
    assert (finding.row, finding.is_problem) == (3, False)
    assert "also in line 2;" in finding.sentence
    assert len(checked.applications) == 2


def test_an_application_already_sent_is_a_warning() -> None:
    checked = check(row(), sent_before=["L-1"])
    assert [finding.sentence for finding in checked.warnings] == [
        "L-1 was already sent. Sending it again makes another flow."
    ]
    assert len(checked.applications) == 1


@pytest.mark.parametrize("params", ["[]", "null", "{", "3", '"text"', '{"a": NaN}', "[" * 100_000])
def test_flow_params_must_be_an_object(params: str) -> None:
    assert [finding.column for finding in check(row(params=params)).problems] == ["flow_params"]


@pytest.mark.parametrize("params", ['{"a": 1e999}', '{"a": "\\ud800"}', '{"\\ud800": 1}'])
def test_flow_params_that_no_book_can_hold_keep_their_own_application_back_and_no_other(
    params: str, tmp_path: Path
) -> None:
    """They once passed the check and then kept the whole file from being queued, without a word on where."""
    checked = check(row(2), row(3, "L-2", params=params), row(4, "L-3", params='{"a": "\\u20b9 1e308"}'))
    (finding,) = checked.problems
    assert (finding.row, finding.column) == (3, "flow_params")
    assert "half a character" in finding.sentence
    migrate_desk(tmp_path / "desk.db")
    queued = [
        SubmissionToSave(item.application_id, "PROD_CDL", item.flow_params, item.files)
        for item in checked.applications
    ]
    ids = Desk(tmp_path / "desk.db").save_submissions(queued, "csv", by=COMMAND)
    assert [item.application_id for item in checked.applications] == ["L-1", "L-3"]
    assert len(ids) == 2


def test_flow_params_of_one_application_must_agree() -> None:
    checked = check(
        row(2, params='{"a": 1}'), row(3, document="d2"), row(4, document="d3", params='{"a": 2}')
    )
    assert [finding.row for finding in checked.problems] == [4]
    assert checked.applications == ()


def test_one_bad_row_keeps_its_whole_application_back_and_no_other() -> None:
    checked = check(row(2), row(3, url="http://x.example/a", document="d2"), row(4, "L-2"))
    assert [item.application_id for item in checked.applications] == ["L-2"]


def test_an_aadhaar_number_is_refused_as_an_id() -> None:
    number = _with_check_digit("23456789012")
    assert "Aadhaar" in check(row(application=number)).problems[0].sentence
    assert "Aadhaar" in check(row(document=number)).problems[0].sentence
    assert number not in check(row(document=number)).problems[0].sentence


def test_an_aadhaar_number_in_the_parameters_is_refused_wherever_it_hides() -> None:
    number = _with_check_digit("23456789012")
    for params in (f'{{"a": "{number}"}}', f'{{"a": [{{"b": {number}}}]}}', f'{{"a {number}": 1}}'):
        (finding,) = check(row(params=params)).problems
        assert finding.column == "flow_params"
        assert number not in finding.sentence
    assert check(row(params='{"a": "XXXX XXXX 0124", "loan": "100000000000"}')).problems == ()


def test_the_forms_empty_rows_are_passed_over() -> None:
    documents = [
        {"file_url": None, "document_id": ""},
        {"file_url": " https://a.example/1 ", "document_id": "d"},
    ]
    assert rows_of_form(" L-1 ", "", documents) == [Row(2, "L-1", "https://a.example/1", "d")]


def _with_check_digit(digits: str) -> str:
    """The number made whole by Verhoeff's check digit, by trial, so that none stands in this file."""
    from atlas_core.api.masking import is_aadhaar

    return next(f"{digits}{digit}" for digit in range(10) if is_aadhaar(f"{digits}{digit}"))
