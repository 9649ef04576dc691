"""What a person wants to send, checked before anything is sent.

The form, the CSV page and `python -m atlas_core submit` share these rules. A *problem* keeps an
application from being sent; a *warning* is shown and left to the person. Nothing here fetches a
document: addresses are judged by their text alone.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from atlas_core.api.masking import HIDDEN, is_aadhaar, mask_text, mask_value
from atlas_core.errors import InputError
from atlas_core.links import is_signed, sending_problem, signature_ends_at
from atlas_core.models import FileToSend

CSV_COLUMNS = ("application_id", "file_url", "document_id", "flow_params")
REQUIRED_COLUMNS = CSV_COLUMNS[:3]
CSV_TEMPLATE = (
    "application_id,file_url,document_id,flow_params\r\n"
    'LOAN-0001,https://files.your-bank.in/LOAN-0001/invoice.pdf,invoice,"{""branch"": ""PUNE""}"\r\n'
    "LOAN-0001,https://files.your-bank.in/LOAN-0001/delivery-order.pdf,delivery-order,\r\n"
)
MAX_CSV_BYTES = 10 * 1024 * 1024
MAX_CSV_ROWS = 50_000
SOON_MS = 15 * 60 * 1000

_APPLICATION_ID = re.compile(r"[A-Za-z0-9._/-]{1,64}")
_PRODUCT_TYPE = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the check has to say. `row` is the CSV's line (the header is 1) or the form's row."""

    row: int
    column: str
    is_problem: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Application:
    """One application ready to become a flow; `rows` are the lines it was read from."""

    application_id: str
    flow_params: dict[str, object]
    files: tuple[FileToSend, ...]
    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found: the applications without a problem, and every finding in order of rows."""

    applications: tuple[Application, ...]
    findings: tuple[Finding, ...]
    row_count: int

    @property
    def problems(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.is_problem)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.is_problem)


@dataclass(frozen=True, slots=True)
class Row:
    """One document as a person wrote it."""

    number: int
    application_id: str
    file_url: str
    document_id: str
    flow_params: str = ""


def read_csv(content: bytes) -> list[Row]:
    """The rows of a CSV with the columns of `CSV_COLUMNS` (`flow_params` may be left out).

    Commas, semicolons and tabs are understood. Raises `InputError` where the file as a whole cannot be
    used.
    """
    if len(content) > MAX_CSV_BYTES:
        raise InputError("The CSV is larger than 10 MB. Split it into several files.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"The CSV is not UTF-8 (byte {error.start}). In a spreadsheet, save it as 'CSV UTF-8'."
        ) from None
    if not text.strip():
        raise InputError("The CSV is empty. Download the template to see its columns.")
    header = text.splitlines()[0]
    delimiter = max(",;\t", key=header.count)
    try:
        lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        names = {(name or "").strip().lower(): name for name in lines.fieldnames or ()}
        missing = [column for column in REQUIRED_COLUMNS if column not in names]
        if missing:
            raise InputError(
                f"The CSV lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
                "Its first line must name the columns."
            )
        rows = []
        for line in lines:
            values = {
                column: (line.get(names[column]) or "").strip() if column in names else ""
                for column in CSV_COLUMNS
            }
            if None in line:
                raise InputError(
                    f"Line {lines.line_num} of the CSV has more values than the header has columns. "
                    "Put a value that holds a comma in quotes."
                )
            if any(values.values()):
                rows.append(Row(lines.line_num, **values))
            if len(rows) > MAX_CSV_ROWS:
                raise InputError(f"The CSV has more than {MAX_CSV_ROWS:,} rows. Split it into several files.")
    except csv.Error as error:
        raise InputError(f"The CSV cannot be read near line {lines.line_num}: {error}.") from None
    if not rows:
        raise InputError("The CSV has a header but no rows.")
    return rows


def check_rows(
    rows: Sequence[Row],
    *,
    now: int,
    sent_before: Iterable[str] = (),
    local_atlas: str | None = None,
    file_hosts: Sequence[str] = (),
    place: Literal["line", "row"] = "line",
) -> Checked:
    """Checks every row and joins the rows of one application into one flow.

    `now` is milliseconds since 1970; `sent_before` the application ids already sent; `local_atlas` the
    one http address on this machine from which documents may come (the sandbox's); `file_hosts` as for
    `link_problem`; `place` what a row's number counts: lines of a CSV, or rows of the form.
    """
    findings: list[Finding] = []
    already = set(sent_before)
    groups: dict[str, list[Row]] = {}
    for row in rows:
        findings += _row_findings(row, now=now, local_atlas=local_atlas, file_hosts=file_hosts)
        groups.setdefault(row.application_id, []).append(row)
    bad_rows = {finding.row for finding in findings if finding.is_problem}
    applications = []
    for application_id, group in groups.items():
        params, group_findings = _flow_params(group, place)
        findings += group_findings + _repeats(group, place)
        if application_id in already:
            findings.append(
                Finding(
                    group[0].number,
                    "application_id",
                    False,
                    f"{application_id} was already sent. Sending it again makes another flow.",
                )
            )
        if not any(finding.is_problem for finding in group_findings) and bad_rows.isdisjoint(
            row.number for row in group
        ):
            applications.append(
                Application(
                    application_id,
                    params,
                    tuple(FileToSend(row.document_id, row.file_url) for row in group),
                    tuple(row.number for row in group),
                )
            )
    findings.sort(key=lambda finding: (finding.row, not finding.is_problem))
    return Checked(tuple(applications), tuple(findings), len(rows))


def check_product_type(product_type: str) -> None:
    """Raises `InputError` where this cannot be a product type."""
    if not _PRODUCT_TYPE.fullmatch(product_type):
        raise InputError("A product type has 1 to 64 letters, digits, dots, dashes or underscores.")


def check_search(text: str) -> None:
    """Raises `InputError` where an Aadhaar number stands in a search: none is kept whole anywhere."""
    if is_aadhaar(text) or HIDDEN in mask_text(text)[0]:
        raise InputError(
            "There is an Aadhaar number in this search, by its check digit. None is kept whole here, so it "
            "finds nothing: search by the application's id, or for the last four digits as a word."
        )


def _row_findings(row: Row, *, now: int, local_atlas: str | None, file_hosts: Sequence[str]) -> list[Finding]:
    link = sending_problem(row.file_url, now=now, local_atlas=local_atlas, file_hosts=file_hosts)
    ends_at = None if link else signature_ends_at(row.file_url)
    warning = None
    if ends_at is not None and ends_at <= now + SOON_MS:
        warning = f"This link ends in {max(1, (ends_at - now) // 60_000)} min; Atlas may come too late."
    elif ends_at is None and link is None and is_signed(row.file_url):
        warning = "This link is signed, but does not say until when. Atlas opens it some minutes from now."
    problems = {
        "application_id": _application_id_problem(row.application_id),
        "document_id": _document_id_problem(row.document_id),
        "file_url": link,
    }
    found = [Finding(row.number, column, True, text) for column, text in problems.items() if text]
    if warning:
        found.append(Finding(row.number, "file_url", False, warning))
    return found


def _application_id_problem(text: str) -> str | None:
    if not text:
        return "The application id is missing."
    if not _APPLICATION_ID.fullmatch(text):
        return "An application id has 1 to 64 letters, digits, dots, dashes, underscores or slashes."
    if is_aadhaar(text):
        return "This application id is an Aadhaar number by its check digit. Use the loan's own number."
    return None


def _document_id_problem(text: str) -> str | None:
    if not text:
        return (
            "The document id is missing. Atlas returns it with the reading, so that you know which is which."
        )
    if len(text) > 128 or not text.isprintable():
        return "A document id has at most 128 printable characters."
    if is_aadhaar(text):
        return "This document id is an Aadhaar number by its check digit. Use a name of your own."
    return None


def _flow_params(group: Sequence[Row], place: str) -> tuple[dict[str, object], list[Finding]]:
    params: dict[str, object] = {}
    first: Row | None = None
    for row in group:
        if not row.flow_params:
            continue
        try:
            value = json.loads(row.flow_params, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            return {}, [
                Finding(
                    row.number,
                    "flow_params",
                    True,
                    'The parameters must be a JSON object like {"branch": "PUNE"}.',
                )
            ]
        if not _can_be_written(value):
            sentence = (
                "flow_params hold what no JSON can carry: a number too large to be one, or half a character "
                'like "\\ud800". Correct or remove it.'
            )
            return {}, [Finding(row.number, "flow_params", True, sentence)]
        if _holds_aadhaar(value):
            sentence = "The parameters hold what reads as an Aadhaar number. Leave it out: none is kept here."
            return {}, [Finding(row.number, "flow_params", True, sentence)]
        if first is not None and value != params:
            return {}, [
                Finding(
                    row.number,
                    "flow_params",
                    True,
                    f"The parameters differ from {place} {first.number}; one application has one set "
                    "of them.",
                )
            ]
        params, first = value, row
    return params, []


def _holds_aadhaar(params: dict[str, object]) -> bool:
    masked, _ = mask_value(params)
    return json.dumps(masked).count(HIDDEN) > json.dumps(params).count(HIDDEN)


def _can_be_written(params: dict[str, object]) -> bool:
    """Whether what was read from JSON can be JSON again: a number may have become infinite, a text broken."""
    try:
        json.dumps(params, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _repeats(group: Sequence[Row], place: str) -> list[Finding]:
    first: dict[str, int] = {}
    found = []
    for row in group:
        earlier = first.setdefault(row.document_id, row.number)
        if row.document_id and earlier != row.number:
            found.append(
                Finding(
                    row.number,
                    "document_id",
                    False,
                    f"This document id is also in {place} {earlier}; Atlas's answer cannot tell the two "
                    "apart.",
                )
            )
    return found


def rows_of_form(
    application_id: str, flow_params: str, documents: Iterable[Mapping[str, str | None]]
) -> list[Row]:
    """The rows of the one-application form; rows left wholly empty are passed over."""
    rows = []
    for number, document in enumerate(documents, start=1):
        file_url = (document.get("file_url") or "").strip()
        document_id = (document.get("document_id") or "").strip()
        if file_url or document_id:
            rows.append(Row(number, application_id.strip(), file_url, document_id, flow_params.strip()))
    return rows
