"""What the sandbox remembers: flows, their files, how far each has come, and a journal to remember it by."""

import json
import logging
import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .addresses import expired
from .applications import STAGES, FileUrl, ending, read_application
from .cases import make_case
from .people import digits, letters

_log = logging.getLogger(__name__)

# Shares of a flow's time at which it enters each stage, with what status then says (in the order of STAGES).
_COURSE = (
    (0.00, ("IN_PROGRESS", "NOT_STARTED", "NOT_STARTED", "IN_PROGRESS")),
    (0.18, ("SUCCESS", "PENDING", "NOT_STARTED", "IN_PROGRESS")),
    (0.28, ("SUCCESS", "IN_PROGRESS", "NOT_STARTED", "IN_PROGRESS")),
    (0.80, ("SUCCESS", "SUCCESS", "PENDING", "IN_PROGRESS")),
)
_DIES_AT = {"upload": 0.18, "processing": 0.80}
_READING = (0.28, 0.80)
_NEW = dict.fromkeys(STAGES, "NOT_STARTED")


class KeptFile(FileUrl):
    """A file of a multiupload and the ids it was given."""

    batch_id: str
    file_uuid: str


@dataclass(slots=True)
class Flow:
    """One flow. The addresses of its `files` have no query: a signature is never kept.

    `begun` is the wall clock at the latest upload, 0 before the first; from there it takes `seconds`.
    """

    flow_uuid: str
    application_id: str
    product_type: str
    auth_url: str
    callback_url: str
    flow_params: dict[str, Any]
    files: list[KeptFile] = field(default_factory=list)
    fetched: bool = True
    begun: float = 0.0
    seconds: float = 0.0
    delivered: bool = False

    def told(self) -> dict[str, Any]:
        """What some of the vendor's pages say comes back with the results, and others do not."""
        return {"application_id": self.application_id, "flow_params": self.flow_params, "files": self.files}


def _unsigned(url: str) -> str:
    return urlsplit(url)._replace(query="", fragment="").geturl()


def _fetchable(url: str, now: datetime) -> bool:
    return "missing" not in urlsplit(url).path.lower() and not expired(url, now)


class Flows:
    """Every flow this sandbox knows, and its journal: one JSON fact a line, only ever appended to."""

    def __init__(self, *, seed: str, seconds: float, base_url: str, journal: Path | None) -> None:
        self.seed = seed
        self.seconds = seconds
        self.base_url = base_url
        self._flows: dict[str, Flow] = {}
        self._journal = journal
        if journal:
            self._open_journal(journal)

    def get(self, flow_uuid: str) -> Flow | None:
        """The flow of that id, or None."""
        return self._flows.get(flow_uuid)

    def undelivered(self) -> list[Flow]:
        """Flows with an upload whose callback nobody has acknowledged yet."""
        return [flow for flow in self._flows.values() if flow.begun and not flow.delivered]

    def start(self, asked: dict[str, Any], prefix: str = "") -> Flow:
        """A new flow for a checked flow/init body."""
        known = ("application_id", "product_type", "auth_url", "callback_url")
        fact = {"flow_uuid": prefix + str(uuid.uuid4()), **{name: asked[name] for name in known}}
        fact["flow_params"] = asked.get("flow_params") or {}
        self._note({"fact": "init", **fact})
        return self._flows[fact["flow_uuid"]]

    def add_files(self, flow: Flow, files: list[FileUrl]) -> list[dict[str, str]]:
        """Take a multiupload's files and set the flow going; the documented answer, one entry a file."""
        now = datetime.now(UTC)
        rng = random.Random(f"{self.seed}|{flow.application_id}|{len(flow.files)}")
        chance = random.Random()
        batch_id = f"BATCH-{digits(chance, 5)}-{letters(chance, 5)}-{now:%Y%m%d%H%M%S}"
        kept: list[KeptFile] = [
            {
                "file_url": _unsigned(file["file_url"]),
                "document_id": file["document_id"],
                "batch_id": batch_id,
                "file_uuid": str(uuid.uuid4()),
            }
            for file in files
        ]
        self._note(
            {
                "fact": "upload",
                "flow_uuid": flow.flow_uuid,
                "files": kept,
                "fetched": all(_fetchable(file["file_url"], now) for file in files),
                "begun": now.timestamp(),
                "seconds": self.seconds * rng.triangular(0.6, 1.7, 0.9),
            }
        )
        return [{name: file[name] for name in ("batch_id", "document_id", "file_uuid")} for file in kept]

    def mark_delivered(self, flow: Flow) -> None:
        """The flow's callback was acknowledged."""
        self._note({"fact": "delivered", "flow_uuid": flow.flow_uuid})

    def _open_journal(self, journal: Path) -> None:
        """Replay what is there; a line torn by a crash is passed over."""
        journal.parent.mkdir(parents=True, exist_ok=True)
        journal.touch(mode=0o600)
        kept = journal.read_text(encoding="utf-8")
        for line in kept.splitlines():
            try:
                self._replay(json.loads(line))
            except (ValueError, KeyError):
                _log.warning("passed over a torn line in the sandbox's journal")
        if kept and not kept.endswith("\n"):
            with journal.open("a", encoding="utf-8") as torn:
                torn.write("\n")

    def _note(self, fact: dict[str, Any]) -> None:
        if self._journal:
            with self._journal.open("a", encoding="utf-8") as journal:
                journal.write(json.dumps(fact) + "\n")
        self._replay(fact)

    def _replay(self, fact: dict[str, Any]) -> None:
        facts = dict(fact)
        kind = facts.pop("fact")
        if kind == "init":
            self._flows[facts["flow_uuid"]] = Flow(**facts)
            return
        flow = self._flows[facts["flow_uuid"]]
        if kind == "delivered":
            flow.delivered = True
            return
        flow.files.extend(facts["files"])
        flow.fetched = flow.fetched and facts["fetched"]
        flow.begun, flow.seconds, flow.delivered = facts["begun"], facts["seconds"], False

    def _end_share(self, flow: Flow) -> float:
        failure = "upload" if not flow.fetched else make_case(self.seed, flow.application_id).failure
        return _DIES_AT.get(failure, 1.0)

    def _progress(self, flow: Flow) -> float:
        """How much of its time a flow has had: 0 at the upload, 1 and more when all is done."""
        passed = max(0.0, time.time() - flow.begun)
        return passed / flow.seconds if flow.seconds > 0 else 1.0

    def remaining(self, flow: Flow) -> float:
        """Seconds until the flow is terminal, 0 if it is."""
        return max(0.0, flow.begun + flow.seconds * self._end_share(flow) - time.time())

    def terminal(self, flow: Flow) -> bool:
        """True once the flow's master status will not change by itself."""
        return bool(flow.begun) and self._progress(flow) >= self._end_share(flow)

    def status(self, flow: Flow) -> dict[str, str]:
        """The four statuses at this moment, under Atlas's names."""
        if not flow.begun:
            return dict(_NEW)
        if self.terminal(flow):
            return ending(make_case(self.seed, flow.application_id), fetched=flow.fetched)
        progress = self._progress(flow)
        reached = next(stages for share, stages in reversed(_COURSE) if progress >= share)
        return dict(zip(STAGES, reached, strict=True))

    def results(self, flow: Flow) -> dict[str, Any]:
        """The results payload at this moment: partial, and silent about it, before the flow is terminal."""
        read_at = datetime.fromtimestamp(flow.begun, UTC)
        results = read_application(
            flow.application_id,
            flow.files,
            flow.flow_uuid,
            flow.product_type,
            self.seed,
            base_url=self.base_url,
            read_at=read_at,
        )
        status = self.status(flow)
        if status["upload_status"] != "SUCCESS":
            results["ocr_data"] = []
        elif status["processing_status"] != "SUCCESS":
            begin, end = _READING
            most = 0.5 if make_case(self.seed, flow.application_id).failure else 1.0
            share = min(most, max(0.0, (self._progress(flow) - begin) / (end - begin)))
            results["ocr_data"] = results["ocr_data"][: int(share * len(flow.files))]
        if status["crossheck_status"] != "COMPLETED":
            results["cross_checks"] = []
        return results
