"""Random news in random order, brought to a real book and to its model."""

from __future__ import annotations

import json
import math
import time

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from atlas_core.api.payloads import parse_result
from atlas_core.books import inbox, store
from atlas_core.worker.sync import WatchedFlow
from tests.faults.state_books import DONE, FAILED, KEYS, UNTOUCHED, WORDS, expected, payload, shown
from tests.faults.state_rows import STAGES, Key
from tests.faults.state_sending import NUMBERS, Sending, Shared
from tests.servers_http import reply

REFUSALS = {
    "unknown flow": reply(409, {"error": "Flow not found"}),
    "refused": reply(400, {"error": "Missing required ['flow_uuid'] parameters"}),
    "broken": reply(500, {"error": "Something broke"}),
}
CONTENTS = st.sampled_from("ABC")
TIMES = st.integers(1, 3)


class States(Sending):
    """Callbacks and questions about the flows that were sent, and the comparison after every step."""

    # -------------------------------------------------------------------------------------- callbacks

    @precondition(lambda self: self.model.attempts)
    @rule(
        number=NUMBERS,
        content=CONTENTS,
        claims=st.sampled_from(["own", "own", "own", "nothing", "another", "new"]),
        other_application=st.sampled_from([False] * 9 + [True]),
        at_once=st.booleans(),
    )
    def callback(
        self, number: int, content: str, claims: str, other_application: bool, at_once: bool
    ) -> None:
        key = self.pick(number, sorted(self.model.attempts))
        lost = f"{self.name}-{key[0]}{key[1]}lost"
        claimed = {
            "own": self.model.attempts[key]["flow"] or lost,
            "nothing": None,
            "another": self.pick(number, [*sorted(self.model.flows), f"{self.name}-nobodys"]),
            "new": lost,
        }[claims]
        self._callback(key, content, claimed, other_application=other_application)
        while at_once and self.model.waiting():
            self.take_up()

    def _callback(
        self, key: Key, content: str, claimed: str | None, *, other_application: bool = False
    ) -> None:
        body = json.dumps(payload(content, claimed, other_application=other_application)).encode()
        said = self.writer.write(
            inbox.save_callback,
            self.ids[key],
            parse_result(body),
            other_application=other_application,
            received_at=self.now(),
        )
        assert said == self.model.callback(key, content, claimed, other_application=other_application)

    @precondition(lambda self: self.attempts_in("init sent"))
    @rule(number=NUMBERS, contents=st.permutations("ABC"))
    def callbacks_before_the_answer_to_init(self, number: int, contents: list[str]) -> None:
        key = self.pick(number, self.attempts_in("init sent"))
        claims = [f"{self.name}-{self.flows + 1:03}", None, f"{self.name}-nobodys"]
        for content, claimed in zip(contents, claims, strict=True):
            self._callback(key, content, claimed)
        self._answer_init(key, "answer")

    @precondition(lambda self: self.watched and self.attempts_in("uploaded"))
    @rule(number=NUMBERS, contents=st.permutations("ABC"))
    def a_callback_after_an_early_fetch(self, number: int, contents: list[str]) -> None:
        key = self.pick(number, self.attempts_in("uploaded"))
        uuid = self.model.attempts[key]["flow"]
        if uuid in self.watched:
            lagging = DONE | {"crosscheck": "PENDING"}
            self._ask(sorted(self.watched).index(uuid), lagging, contents[0], times=2)
            self._callback(key, contents[1], uuid)

    @precondition(lambda self: self.model.flows)
    @rule(number=NUMBERS)
    def a_person_asks_about_a_flow_that_atlas_forgot(self, number: int) -> None:
        self.want_a_look(number)
        uuid = self.pick(number, sorted(self.model.flows))
        self._ask(sorted(self.watched).index(uuid), DONE, "A", "unknown flow", times=3)

    @precondition(lambda self: self.model.waiting())
    @rule()
    def take_up(self) -> None:
        """As the worker does: the oldest first, and then its flow is looked at."""
        real, expected = self.worklist.waiting_deliveries()[0], self.model.waiting()[0]
        taken = self.sync.take_up(real)
        assert taken == self.model.take_up(expected)
        if not taken:
            return
        uuid = real.flow_uuid
        if uuid in self.watched:
            self._look_soon(uuid)
        else:
            flow = self.worklist.flow(uuid)
            if flow is not None and (flow.is_doubted or not flow.is_confirmed):
                self._watch_again(uuid)
        assert self.watched.keys() == self.model.watches.keys()

    @precondition(lambda self: self.model.flows)
    @rule(number=NUMBERS)
    def want_a_look(self, number: int) -> None:
        uuid = self.pick(number, sorted(self.model.flows))
        if uuid in self.watched:
            self._look_soon(uuid)
        else:
            self._watch_again(uuid)
        self.model.want(uuid)

    def _look_soon(self, uuid: str) -> None:
        self.watched[uuid].doubts_end = self.watched[uuid].status.master == "FAILED"

    def _watch_again(self, uuid: str) -> None:
        flow = self.worklist.flow(uuid)
        assert flow is not None
        self.writer.write(store.save_watched, flow.flow_id, True)
        self.watched[uuid] = WatchedFlow.of(flow, again=True)

    # ----------------------------------------------------------------------------------------- asking

    @precondition(lambda self: self.watched)
    @rule(number=NUMBERS, content=CONTENTS, times=TIMES)
    def ask_when_all_is_done(self, number: int, content: str, times: int) -> None:
        self._ask(number, DONE, content, times=times)

    @precondition(lambda self: self.watched)
    @rule(number=NUMBERS, content=CONTENTS, words=st.sampled_from([FAILED, UNTOUCHED]), times=TIMES)
    def ask_when_it_failed_or_nothing_arrived(
        self, number: int, content: str, words: dict[str, str | None], times: int
    ) -> None:
        self._ask(number, words, content, times=times)

    @precondition(lambda self: self.watched)
    @rule(number=NUMBERS, content=CONTENTS, crosscheck=st.sampled_from(WORDS["crosscheck"]), times=TIMES)
    def ask_when_the_checks_lag_behind(self, number: int, content: str, crosscheck: str, times: int) -> None:
        self._ask(number, DONE | {"crosscheck": crosscheck}, content, times=times)

    @precondition(lambda self: self.watched)
    @rule(
        number=NUMBERS,
        content=CONTENTS,
        words=st.fixed_dictionaries({stage: st.sampled_from((None, *WORDS[stage])) for stage in STAGES}),
    )
    def ask_whatever_atlas_says(self, number: int, words: dict[str, str | None], content: str) -> None:
        self._ask(number, words, content)

    @precondition(lambda self: self.watched)
    @rule(number=NUMBERS, content=CONTENTS, refusal=st.sampled_from([*REFUSALS, "another flow"]), times=TIMES)
    def ask_in_vain(self, number: int, content: str, refusal: str, times: int) -> None:
        self._ask(number, DONE, content, refusal, times=times)

    def _ask(
        self,
        number: int,
        words: dict[str, str | None],
        content: str,
        refusal: str | None = None,
        times: int = 1,
    ) -> None:
        """Asks about one flow so many times, or until nothing more is to be asked."""
        uuid = self.pick(number, sorted(self.watched))
        for _ in range(times):
            if uuid in self.watched:
                self._ask_once(uuid, words, content, refusal)

    def _ask_once(self, uuid: str, words: dict[str, str | None], content: str, refusal: str | None) -> None:
        question = self.model.next_question(uuid)
        if not any(words.values()):
            words = DONE
        if refusal == "another flow" and question == "status":
            refusal = None  # a status tells no flow
        told = {KEYS[stage]: word for stage, word in words.items() if word is not None}
        answers = {"status": told, "extracts": payload(content, uuid)}
        if refusal == "another flow":
            answers["extracts"] = payload(content, "flow-of-somebody-else")
        for path, answer in answers.items():
            Shared.atlas.script(path, REFUSALS.get(refusal or "", reply(200, answer)))
        Shared.atlas.asked.clear()
        self.now()
        wait = self.sync.ask(self.watched[uuid])
        self.now()
        assert [asked.path for asked in Shared.atlas.asked if asked.path != "authtoken"] == [question]
        if refusal is not None:
            self.model.refused(uuid, refusal)
        elif question == "status":
            self.model.answered_status(uuid, words)
        else:
            self.model.answered_extracts(uuid, content)
        assert (wait is None) == (uuid not in self.model.watches)
        if wait is None:
            del self.watched[uuid]

    @precondition(lambda self: self.watched)
    @rule(number=NUMBERS)
    def checks_grow_old(self, number: int) -> None:
        uuid = self.pick(number, sorted(self.watched))
        if self.watched[uuid].ended is not None:
            self.watched[uuid].ended = -math.inf
            self.model.watches[uuid].patient = False

    @precondition(lambda self: any(watch.unsure == "patient" for watch in self.model.watches.values()))
    @rule(number=NUMBERS, content=CONTENTS)
    def a_lost_upload_grows_old(self, number: int, content: str) -> None:
        uuid = self.pick(number, sorted(u for u, w in self.model.watches.items() if w.unsure == "patient"))
        self.model.watches[uuid].unsure = "over"
        self.watched[uuid].upload_unsure_since = time.monotonic() - 1e6
        self._ask(sorted(self.watched).index(uuid), UNTOUCHED, content)

    # -------------------------------------------------------------------------------------- comparing

    @invariant()
    def the_book_says_what_the_rules_say(self) -> None:
        Shared.steps += 1
        assert shown(self.reader, self.ids) == expected(self.model)

    @invariant()
    def nothing_ever_goes_back(self) -> None:
        """Whatever the model says: versions are only added, and an ended flow stays ended."""
        rows = self.reader.execute(
            "SELECT f.flow_uuid, count(r.result_id), f.ended_at IS NOT NULL, f.master_status"
            " FROM flows f LEFT JOIN results r USING (flow_id) GROUP BY f.flow_id"
        )
        for uuid, versions, ended, master in rows.fetchall():
            assert versions >= self.grown.get(uuid, 0)
            self.grown[uuid] = versions
            assert not ended or master in ("SUCCESS", "FAILED")
