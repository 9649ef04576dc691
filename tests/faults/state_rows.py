"""What a book holds, as the model of its states keeps it: flows, versions, the ledger of arrivals."""

from __future__ import annotations

from dataclasses import dataclass, field

STAGES = ("upload", "processing", "crosscheck", "master")
ENDS = {
    "upload": ("SUCCESS", "FAILED"),
    "processing": ("SUCCESS", "FAILED"),
    "crosscheck": ("COMPLETED",),
    "master": ("SUCCESS", "FAILED"),
}
KNOWN_MASTERS = ("NOT_STARTED", "IN_PROGRESS", "SUCCESS", "FAILED")
ASKS_FOR_A_PERSON = {"cross-checks unfinished", "status contradicted"}
NEEDS_REVIEW = {"A": False, "B": True, "C": True}  # B has a low score, C a document with an error

Key = tuple[int, int]  # submission, number


@dataclass
class Version:
    content: str
    confirmed: bool
    flags: set[str]


@dataclass
class Flow:
    """A flow as the book must show it."""

    words: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(STAGES))
    versions: list[Version] = field(default_factory=list)
    watched: bool = False
    ended: bool = False
    confirmed: bool = False
    trouble: bool = False
    given_up: bool = False
    looked: bool = False
    contradicted: bool = False

    @property
    def has_ended(self) -> bool:
        return self.words["master"] in ENDS["master"]

    @property
    def outcome(self) -> str:
        master = self.words["master"]
        if self.given_up:
            return "unknown"
        if master == "FAILED":
            return "failed"
        if master is not None and master not in KNOWN_MASTERS:
            return "unknown"
        if master != "SUCCESS" or not self.versions:
            return "running"
        version = self.versions[-1]
        return "review" if NEEDS_REVIEW[version.content] or version.flags & ASKS_FOR_A_PERSON else "clear"


@dataclass
class Delivery:
    """One row of the ledger. `identity` is what makes another arrival the same one."""

    channel: str
    content: str
    identity: object
    outcome: str
    attempt: Key | None = None
    flow: str | None = None
    claimed: str | None = None
    times: int = 1
    arrived: int = 0
    last: int = 0


@dataclass
class Watch:
    """What the worker has in mind of a flow it watches."""

    words: dict[str, str | None]
    fetched: bool = False
    patient: bool = True  # SUCCESS with unfinished checks is not old yet
    doubts_end: bool = False
    looked: bool = False
    trouble: bool = False
    failures: int = 0
    strangers: int = 0
    odd: bool = False  # the newest status held a word nobody documented
    unsure: str | None = None  # of the upload: 'patient', 'over' or 'said'
