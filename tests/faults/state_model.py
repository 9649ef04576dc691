"""What the books must say, as plain dictionaries: written from the rules, not from the code.

The rules stand in the docstrings of `books/results.py`, `books/store.py` (statuses), `books/attempts.py`,
`books/inbox.py` (callbacks) and `worker/sync.py` (what is asked next).
"""

from __future__ import annotations

from typing import Any

from tests.faults.state_rows import ENDS, KNOWN_MASTERS, STAGES, Delivery, Flow, Key, Version, Watch


class Model:
    """Everything that the books hold, moved on by the same events as the real ones."""

    def __init__(self) -> None:
        self.attempts: dict[Key, dict[str, Any]] = {}
        self.flows: dict[str, Flow] = {}
        self.ledger: list[Delivery] = []
        self.alarms: set[tuple[str, str | None, Key | None]] = set()
        self.watches: dict[str, Watch] = {}
        self.clock = 0

    # ------------------------------------------------------------------------------------- attempts

    def start(self, key: Key) -> bool:
        """flow/init may be called: for a new attempt, or one that never reached Atlas."""
        attempt = self.attempts.setdefault(key, {"state": "not sent", "flow": None})
        if attempt["state"] != "not sent":
            return False
        attempt["state"] = "init sent"
        return True

    def init_answered(self, key: Key, uuid: str) -> None:
        self._adopt(key, uuid, "initialised")

    def _adopt(self, key: Key, uuid: str, state: str) -> None:
        """The attempt has its flow. Earlier callbacks find it; those that name another are put aside."""
        self.flows[uuid] = Flow()
        self.attempts[key] = {"state": state, "flow": uuid}
        for delivery in self.ledger:
            if delivery.attempt == key and delivery.outcome == "orphan":
                if delivery.claimed in (None, uuid):
                    delivery.outcome, delivery.flow = "waiting", uuid
                else:
                    self._put_aside(delivery)
                    self.alarms.add(("callback for another flow", uuid, key))

    @staticmethod
    def _put_aside(delivery: Delivery) -> None:
        delivery.outcome = "mismatch"
        delivery.identity = (delivery.attempt, delivery.content, delivery.claimed, False)

    def start_upload(self, key: Key) -> bool:
        attempt = self.attempts[key]
        if attempt["state"] != "initialised":
            return False
        attempt["state"] = "upload sent"
        self.flows[attempt["flow"]].watched = True
        return True

    def watch_new(self, uuid: str, *, unsure: bool) -> None:
        """The upload was answered, or its answer lost: the worker looks at the flow from now on."""
        known = self.watches.setdefault(uuid, Watch(dict.fromkeys(STAGES)))
        known.unsure = "patient" if unsure else None

    def upload_refused(self, key: Key) -> None:
        attempt = self.attempts[key]
        attempt["state"] = "refused"
        flow = self.flows[attempt["flow"]]
        flow.watched, flow.given_up, flow.trouble = False, True, True

    def resend(self, key: Key) -> bool:
        """A person sends the files of an unknown upload again: a new attempt on the same flow."""
        attempt, then = self.attempts[key], (key[0], key[1] + 1)
        if attempt["state"] != "upload unknown" or then in self.attempts:
            return False
        self.attempts[then] = {"state": "initialised", "flow": attempt["flow"]}
        return True

    def restart(self) -> None:
        """Only what is in the book is left. What was being sent is unknown."""
        for attempt in self.attempts.values():
            if attempt["state"] == "init sent":
                attempt["state"] = "init unknown"
        self.watches = {uuid: self._watch_of(uuid) for uuid, flow in self.flows.items() if flow.watched}

    def _watch_of(self, uuid: str, *, again: bool = False) -> Watch:
        flow = self.flows[uuid]
        sent = ("upload sent", "upload unknown")
        open_upload = any(one["flow"] == uuid and one["state"] in sent for one in self.attempts.values())
        return Watch(
            dict(flow.words),
            fetched=bool(flow.versions),
            doubts_end=flow.words["master"] == "FAILED" and (again or flow.confirmed),
            looked=flow.looked,
            trouble=flow.trouble,
            unsure="patient" if open_upload else None,
        )

    # ------------------------------------------------------------------------------------ callbacks

    def callback(self, key: Key, content: str, claimed: str | None, *, other_application: bool) -> str:
        """One arrival at the attempt's address; returns what is said of it."""
        self.clock += 1
        uuid = self.attempts[key]["flow"]
        other = None
        if other_application:
            other = "application"
        elif uuid is not None and claimed not in (None, uuid):
            other = "flow"
        outcome = "mismatch" if other else "orphan" if uuid is None else "waiting"
        # A repetition says the same to the same address; of one put aside, names belong to what it says.
        identity = (key, content, claimed, other_application) if other else (key, content)
        for delivery in self.ledger:
            if delivery.channel == "callback" and delivery.identity == identity:
                delivery.times += 1
                break
        else:
            self.ledger.append(
                Delivery(
                    *("callback", content, identity, outcome, key, None if other else uuid, claimed),
                    arrived=self.clock,
                )
            )
        if other:
            self.alarms.add((f"callback for another {other}", uuid, key))
        return outcome

    def waiting(self) -> list[Delivery]:
        """Callbacks to be taken up."""
        return [
            delivery
            for delivery in self.ledger
            if delivery.outcome == "waiting"
            or (
                delivery.outcome == "orphan"
                and delivery.claimed is not None
                and self.attempts[delivery.attempt or (0, 0)]["state"] == "init unknown"
            )
        ]

    def take_up(self, delivery: Delivery) -> bool:
        """A kept callback becomes a provisional result; one of a lost flow/init makes its flow known."""
        key = delivery.attempt or (0, 0)
        if delivery.flow is None:
            if delivery.claimed in self.flows or self.attempts[key]["state"] != "init unknown":
                self._put_aside(delivery)
                return False
            self._adopt(key, str(delivery.claimed), "upload sent")
            self.flows[str(delivery.claimed)].watched = True
        self._bring_callback(delivery)
        self._look_again(str(delivery.flow))
        return True

    def _bring_callback(self, delivery: Delivery) -> None:
        flow = self.flows[str(delivery.flow)]
        counts = flow.versions[-1] if flow.versions else None
        if counts and counts.content == delivery.content:
            delivery.outcome = "confirms"
        elif flow.confirmed:
            delivery.outcome = "late"
            return
        elif counts and self._was_fetched(str(delivery.flow), counts.content):
            delivery.outcome = "contradicted"
            return
        else:
            delivery.outcome = "provisional"
            flow.versions.append(Version(delivery.content, False, self._own_flags(flow)))
        flow.given_up = False

    def _look_again(self, uuid: str) -> None:
        """Somebody has news: look soon. Confirmed results only where the news says something else."""
        flow = self.flows[uuid]
        if uuid in self.watches:
            self.watches[uuid].doubts_end = self.watches[uuid].words["master"] == "FAILED"
        elif not flow.confirmed or self._is_doubted(uuid):
            self.want(uuid)

    def want(self, uuid: str) -> None:
        """A person, or news, wants a look."""
        if uuid in self.watches:
            self.watches[uuid].doubts_end = self.watches[uuid].words["master"] == "FAILED"
            return
        self.flows[uuid].watched = True
        self.watches[uuid] = self._watch_of(uuid, again=True)

    def _is_doubted(self, uuid: str) -> bool:
        fetched = max(
            (one.last for one in self.ledger if one.channel == "extracts" and one.flow == uuid), default=0
        )
        return any(
            one.channel == "callback" and one.flow == uuid and one.outcome == "late" and one.arrived > fetched
            for one in self.ledger
        )

    # -------------------------------------------------------------------------------------- asking

    def next_question(self, uuid: str) -> str:
        """'status' or 'extracts'."""
        watch = self.watches[uuid]
        if watch.words["master"] not in ENDS["master"] or watch.doubts_end:
            return "status"
        return "extracts" if not watch.fetched or self.is_final(uuid) else "status"

    def is_final(self, uuid: str) -> bool:
        """Whether a fetch now is what counts."""
        watch = self.watches[uuid]
        finished = watch.words["master"] == "FAILED" or watch.words["crosscheck"] == "COMPLETED"
        return finished or not watch.patient

    def answered_status(self, uuid: str, seen: dict[str, str | None]) -> None:
        flow, watch = self.flows[uuid], self.watches[uuid]
        before = watch.words["master"]
        watch.doubts_end, watch.failures, watch.strangers = False, 0, 0
        odd = seen["master"] not in (None, *KNOWN_MASTERS)
        news = odd != watch.odd or any(word not in (None, watch.words[stage]) for stage, word in seen.items())
        if news or watch.trouble or not watch.looked:
            self._look(uuid, seen)
            watch.words, watch.looked, watch.trouble, watch.odd = dict(flow.words), True, False, odd
        self._settle_upload(uuid)
        if watch.words["master"] in ENDS["master"] and watch.words["master"] != before:
            watch.patient = True

    def _look(self, uuid: str, seen: dict[str, str | None]) -> None:
        """An end never goes back; another end stands, with an alarm and a flag."""
        flow = self.flows[uuid]
        had_ended = flow.has_ended
        for stage, word in seen.items():
            was = flow.words[stage]
            if word in (None, was):
                continue
            if had_ended and was in ENDS[stage]:
                if word not in ENDS[stage]:
                    self.alarms.add(("status went back", uuid, None))
                    continue
                self.alarms.add(("status contradicted", uuid, None))
                flow.contradicted = True
                if flow.versions:
                    flow.versions[-1].flags.add("status contradicted")
            flow.words[stage] = word
        flow.ended = flow.ended or flow.has_ended
        flow.looked, flow.trouble, flow.given_up = True, False, False

    def _settle_upload(self, uuid: str) -> None:
        watch = self.watches[uuid]
        if watch.unsure is None:
            return
        mine = [one for one in self.attempts.values() if one["flow"] == uuid]
        if watch.words["upload"] not in (None, "NOT_STARTED"):
            watch.unsure = None
            for one in mine:
                if one["state"] in ("upload sent", "upload unknown"):
                    one["state"] = "uploaded"
        elif watch.unsure == "over":
            watch.unsure = "said"
            for one in mine:
                if one["state"] == "upload sent":
                    one["state"] = "upload unknown"

    def answered_extracts(self, uuid: str, content: str) -> None:
        """A fetch: final ones confirm, and judge the callbacks before them."""
        self.clock += 1
        flow, watch, final = self.flows[uuid], self.watches[uuid], self.is_final(uuid)
        watch.failures = watch.strangers = 0
        read = {"status unknown"} if watch.odd else set()
        if final and watch.words["master"] == "SUCCESS" and watch.words["crosscheck"] != "COMPLETED":
            read.add("cross-checks unfinished")
        counts = flow.versions[-1] if flow.versions else None
        was_fetched = counts is not None and self._was_fetched(uuid, counts.content)
        self._note_fetch(uuid, content, final=final, same=counts is not None and counts.content == content)
        if counts is None or counts.content != content:
            flags = read | self._own_flags(flow)
            if flow.confirmed:
                flags.add("changed after confirmation")
            elif counts is not None and not was_fetched:
                flags.add("callback differed")
                self.alarms.add(("callback contradicted", uuid, None))
            flow.versions.append(Version(content, final, flags))
        elif final and not counts.confirmed:
            ours = {"changed after confirmation", "callback differed", "status contradicted"}
            counts.confirmed, counts.flags = True, read | (counts.flags & ours)
        flow.given_up = False
        watch.fetched = True
        if final:
            for one in self.ledger:
                if one.channel == "callback" and one.flow == uuid:
                    if one.content == content and one.outcome in ("provisional", "contradicted", "late"):
                        one.outcome = "confirmed"
                    elif one.outcome == "provisional":
                        one.outcome = "contradicted"
            flow.confirmed, flow.watched, flow.trouble = True, False, False
            del self.watches[uuid]

    def _note_fetch(self, uuid: str, content: str, *, final: bool, same: bool) -> None:
        for one in self.ledger:
            if one.channel == "extracts" and one.identity == (uuid, content):
                one.times += 1
                one.last = self.clock
                if one.outcome == "provisional" and final:
                    one.outcome = "confirmed"
                return
        outcome = "provisional" if not final else "confirms" if same else "confirmed"
        self.ledger.append(
            Delivery("extracts", content, (uuid, content), outcome, flow=uuid, last=self.clock)
        )

    def _was_fetched(self, uuid: str, content: str) -> bool:
        return any(one.identity == (uuid, content) for one in self.ledger if one.channel == "extracts")

    @staticmethod
    def _own_flags(flow: Flow) -> set[str]:
        return {"status contradicted"} if flow.contradicted else set()

    def refused(self, uuid: str, kind: str) -> None:
        """A bad answer: 'unknown flow', 'refused', 'broken' or 'another flow'."""
        flow, watch = self.flows[uuid], self.watches[uuid]
        if kind == "another flow":
            self.alarms.add(("answer about another flow", uuid, None))
        if kind in ("unknown flow", "refused") and watch.words["master"] == "FAILED":
            self._give_up(uuid, unknown=False)
        elif kind == "unknown flow":
            watch.strangers += 1
            if watch.strangers == 3:
                self._give_up(uuid, unknown=True)
        else:
            watch.failures += 1
            if watch.failures >= 3:
                flow.trouble = watch.trouble = flow.watched = True

    def _give_up(self, uuid: str, *, unknown: bool) -> None:
        flow = self.flows[uuid]
        flow.trouble, flow.watched = True, False
        flow.given_up = flow.given_up or (unknown and not flow.confirmed)
        del self.watches[uuid]
