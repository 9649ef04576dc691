"""Invented applications as a lender would send them, and what Atlas answers: pure, without a server."""

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, TypedDict
from urllib.parse import urlsplit

from .addresses import application_in, document_url, guess_types
from .cases import Case, documents_of, make_case
from .crosschecks import compare_documents
from .reading import read_document

SEED = "atlas-sandbox"
BASE_URL = "http://127.0.0.1:8700"
REDACTED_SECONDS = 3600
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


class FileUrl(TypedDict):
    """One entry of multiupload's `file_urls`."""

    file_url: str
    document_id: str


class Application(TypedDict):
    """All a lender needs to start one flow."""

    application_id: str
    documents: list[FileUrl]
    product_type: str
    flow_params: dict[str, Any]


def make_application(
    seed: str,
    number: int,
    *,
    base_url: str = BASE_URL,
    product_type: str = "PROD_CDL",
    day: date | None = None,
    signed_at: datetime | None = None,
    seconds: int = 3600,
    world: str = SEED,
) -> Application:
    """The `number`-th invented application of a seed, whose case is what a sandbox of seed `world` reads.

    Its documents' addresses point at the sandbox at `base_url`, signed at `signed_at` (now, if not given) for
    `seconds`. With `day` the id carries that day and the papers are dated shortly before it. Same arguments,
    same application.
    """
    mark = hashlib.sha256(seed.encode()).hexdigest()[:3].upper()
    application_id = f"CDL-{f'{day:%y%m%d}-' if day else ''}{mark}-{number:05d}"
    case = make_case(world, application_id)
    rng = random.Random(f"{application_id}|sending")
    signed = signed_at or datetime.now(UTC)
    return {
        "application_id": application_id,
        "documents": [
            {
                "file_url": document_url(base_url, application_id, f"{kind.lower()}.png", signed, seconds),
                "document_id": f"{application_id}-{place:02d}",
            }
            for place, kind in enumerate(documents_of(case), start=1)
        ],
        "product_type": product_type,
        "flow_params": {
            "branch": case.dealer.address.city,
            "channel": rng.choice(("store", "app", "partner")),
        },
    }


def read_application(
    application_id: str,
    documents: Sequence[FileUrl],
    flow_uuid: str,
    product_type: str,  # noqa: ARG001 - Atlas picks document set and checks by it; which, is not documented
    seed: str,
    *,
    base_url: str = BASE_URL,
    read_at: datetime = _LONG_AGO,
) -> dict[str, Any]:
    """The results payload of a flow: `{flow_uuid, ocr_data, cross_checks}`.

    `seed` is the sandbox's own. A sandbox address is read as the picture it serves; any other address as a
    document of the application's own case. `redact_url`s are signed at `read_at`. Same arguments, same
    payload.
    """
    paths = [urlsplit(document["file_url"]).path for document in documents]
    ocr_data = []
    for document, path, kind in zip(documents, paths, guess_types(paths), strict=True):
        owner = application_in(path) or application_id
        redacted = document_url(base_url, owner, "aadhaar-redacted.png", read_at, REDACTED_SECONDS)
        ocr_data.append(read_document(make_case(seed, owner), kind, document["document_id"], redacted))
    return {"flow_uuid": flow_uuid, "ocr_data": ocr_data, "cross_checks": compare_documents(ocr_data)}


def ending(case: Case, *, fetched: bool = True) -> dict[str, str]:
    """The four statuses a flow of this case ends in; `fetched` is False if a file could not be had."""
    if not fetched or case.failure == "upload":
        stages = ("FAILED", "NOT_STARTED", "NOT_STARTED", "FAILED")
    elif case.failure == "processing":
        stages = ("SUCCESS", "FAILED", "NOT_STARTED", "FAILED")
    else:
        stages = ("SUCCESS", "SUCCESS", "COMPLETED", "SUCCESS")
    return dict(zip(STAGES, stages, strict=True))


STAGES = ("upload_status", "processing_status", "crossheck_status", "master_status")


def final_status(application_id: str, seed: str) -> dict[str, str]:
    """The four statuses in which the application's flow ends, under Atlas's names."""
    return ending(make_case(seed, application_id))
