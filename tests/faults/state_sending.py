"""Attempts to bring flows to Atlas, answered in every way, in a real book and in its model."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from atlas_core.api.client import AtlasClient
from atlas_core.books import attempts
from atlas_core.books.standards import Standards
from atlas_core.books.worklist import Worklist
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.models import NO_STATUS, FileToSend, UploadedFile
from atlas_core.worker.gate import Gate
from atlas_core.worker.parts import hash_of
from atlas_core.worker.sync import Sync, WatchedFlow
from tests.faults.state_model import Model
from tests.faults.state_rows import Key
from tests.servers_http import ScriptedAtlas

FILES = [FileToSend("D1", "https://files.lender.example/1.pdf")]
NUMBERS = st.integers(0, 1000)


class Shared:
    """What all runs share: an empty book, and an Atlas over real sockets that says what it is told."""

    folder: Path
    atlas: ScriptedAtlas
    client: AtlasClient
    run = 0
    steps = 0


class Sending(RuleBasedStateMachine):
    """A book and its model side by side, and the attempts to bring flows to Atlas."""

    def __init__(self) -> None:
        super().__init__()
        Shared.run += 1
        self.name = f"flow-{Shared.run:05}"
        self.book = Shared.folder / self.name / "atlas.db"
        self.book.parent.mkdir()
        shutil.copy(Shared.folder / "atlas.db", self.book)
        self.writer = AtlasWriter(self.book)
        self.worklist = Worklist(self.book)
        self.reader = sqlite3.connect(f"file:{self.book}?mode=ro", uri=True)
        self.gate = Gate(lambda *_: None)
        self.sync = Sync(Shared.client, self.writer, self.gate, standards=Standards())
        self.watched: dict[str, WatchedFlow] = {}
        self.ids: dict[Key, int] = {}
        self.model = Model()
        self.flows = 0
        self.grown: dict[str, int] = {}

    def teardown(self) -> None:
        self.reader.close()
        self.worklist.close()
        self.writer.close()
        shutil.rmtree(self.book.parent)

    # -------------------------------------------------------------------------------------- choosing

    def attempts_in(self, *states: str) -> list[Key]:
        return sorted(key for key, attempt in self.model.attempts.items() if attempt["state"] in states)

    def pick(self, number: int, things: list[Any]) -> Any:
        return things[number % len(things)]

    def flow_id(self, uuid: str) -> int:
        flow = self.worklist.flow(uuid)
        assert flow is not None
        return flow.flow_id

    def new_uuid(self) -> str:
        self.flows += 1
        return f"{self.name}-{self.flows:03}"

    @staticmethod
    def now() -> int:
        """A moment later than every moment before, so that what came first is certain."""
        time.sleep(0.0011)
        return now_ms()

    # --------------------------------------------------------------------------------------- attempts

    @initialize()
    def a_flow_under_watch(self) -> None:
        self.start((1, 1))
        self._answer_init((1, 1), "answer")
        self._upload((1, 1), "answer")

    @rule(
        submission=st.integers(2, 4), number=st.integers(1, 2), came=st.sampled_from(["answer", "lost", None])
    )
    def submit(self, submission: int, number: int, came: str | None) -> None:
        """A submission, or a person who starts it again."""
        may = number == 1 or (submission, 1) in self.model.attempts
        if may and self.start((submission, number)) and came is not None:
            self._answer_init((submission, number), came)

    def start(self, key: Key) -> bool:
        may = self.model.start(key)
        attempt_id = self.writer.write(
            attempts.start_attempt,
            *key,
            application_id=f"APP-{key[0]}",
            product_type="P",
            auth_part=hash_of(f"auth {key}"),
            callback_part=hash_of(f"callback {key}"),
            now=self.now(),
        )
        assert (attempt_id is not None) == may
        self.ids.setdefault(key, attempt_id or 0)
        return may

    @precondition(lambda self: self.attempts_in("init sent"))
    @rule(number=NUMBERS, came=st.sampled_from(["answer", "answer", "answer", "lost", "refused", "not sent"]))
    def answer_init(self, number: int, came: str) -> None:
        self._answer_init(self.pick(number, self.attempts_in("init sent")), came)

    def _answer_init(self, key: Key, came: str) -> None:
        if came == "answer":
            uuid = self.new_uuid()
            self.writer.write(attempts.save_init_answer, self.ids[key], uuid, now=self.now())
            self.model.init_answered(key, uuid)
        else:
            state = "init unknown" if came == "lost" else came
            self.writer.write(attempts.record_attempt, self.ids[key], state, now=self.now())
            self.model.attempts[key]["state"] = state

    @precondition(lambda self: self.attempts_in("initialised"))
    @rule(number=NUMBERS, came=st.sampled_from(["answer", "answer", "lost", "refused", "not sent"]))
    def upload(self, number: int, came: str) -> None:
        self._upload(self.pick(number, self.attempts_in("initialised")), came)

    def _upload(self, key: Key, came: str) -> None:
        uuid, attempt_id = self.model.attempts[key]["flow"], self.ids[key]
        flow_id = self.writer.write(attempts.start_upload, attempt_id, FILES, now=self.now())
        assert (flow_id is not None) == self.model.start_upload(key)
        if came == "answer":
            uploaded = [UploadedFile("BATCH", "file", "D1")]
            self.writer.write(attempts.save_upload_answer, attempt_id, uploaded, now=self.now())
            self.model.attempts[key]["state"] = "uploaded"
        elif came == "refused":
            self.writer.write(attempts.record_upload_refused, attempt_id, reason="No.", now=self.now())
            self.model.upload_refused(key)
            return
        elif came == "not sent":
            self.writer.write(attempts.record_attempt, attempt_id, "initialised", now=self.now())
            self.model.attempts[key]["state"] = "initialised"
            return
        unsure = time.monotonic() if came == "lost" else None
        flow = WatchedFlow(flow_id or 0, uuid, time.monotonic(), NO_STATUS)
        self.watched.setdefault(uuid, flow).upload_unsure_since = unsure
        self.model.watch_new(uuid, unsure=came == "lost")

    @precondition(lambda self: self.model.attempts)
    @rule(number=NUMBERS)
    def send_files_again(self, number: int) -> None:
        key = self.pick(number, sorted(self.model.attempts))
        parts = {name: hash_of(f"{name} {key[0]} {key[1] + 1}") for name in ("auth_part", "callback_part")}
        attempt_id = self.writer.write(attempts.start_resend, self.ids[key], **parts, now=self.now())
        assert (attempt_id is not None) == self.model.resend(key)
        if attempt_id is not None:
            self.ids[key[0], key[1] + 1] = attempt_id

    @rule()
    def restart(self) -> None:
        self.writer.write(attempts.recover_attempts, now=self.now())
        self.model.restart()
        self.watched = {flow.flow_uuid: WatchedFlow.of(flow) for flow in self.worklist.watched_flows()}
        assert self.watched.keys() == self.model.watches.keys()
