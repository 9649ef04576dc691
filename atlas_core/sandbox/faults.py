"""Switches: what the sandbox should do wrong, where, and how often.

Faults are one JSON object, endpoint -> a switch or a list of switches, given to `serve` or put at run time:

    PUT /sandbox/faults  {"status": {"play": "status", "code": 503, "retry_after": 7, "times": 2},
                          "callback": [{"play": "lie"}, {"play": "duplicate", "copies": 3}]}
    GET /sandbox/faults     every switch, and how often it was met and played
    DELETE /sandbox/faults  all off

Endpoints: authtoken, init, multiupload, status, extracts (`*` for these five); auth and callback, which are
our own calls to the lender.
Switches of one endpoint are played in the order given, each on the result of the one before.

    where and when   times: n plays at most; skip: n calls of a flow let through first; flow: its flow_uuid;
                     application: its application_id; when: "running" or "terminal"; done: true = the work is
                     done although the answer is another (a lost answer), false = it is not

    play             what it does (options, defaults)                                            numbers
    any endpoint
    delay            later (seconds 1)                                                        B48-50 B59
    json             this value instead (value null): "", [], {}, null, an error envelope      B3 B4 B76
    raw              these bytes instead (text "" or base64; media)                               B1 B75
    half             cut, but with a right length (bytes: half)                                       B1
    bom utf16 bad_utf8 gzip   encoded otherwise                                                B6 B7 B80
    header           headers (set {}, remove [])                                                 B51 B77
    set              values at paths (values {"expires_in": {"$verbatim": "1e400"}}; edits.py)     B8-B44
    delete           what paths lead to (paths [])                                               B26 B44
    answers
    status           an error status (code 503, message or body, retry_after)              B41-43 B51-52
    html             a page (code 200, text)                                                          B2
    empty            nothing, with the right status                                                   B4
    redirect         elsewhere (to, code 302)                                                        B54
    envelope_a       errors as {error_code, error_message}                                            B3
    reset            connection reset instead of an answer (done true: after the work)        B48-50 B61
    cut drip hang    body cut (bytes), by the byte (seconds 0.4, headers false), late (seconds 60)  B5 B53
    endless big bomb without end, 200 MB, gzip of 200 MB (megabytes)                                 B53
    garbage          no HTTP at all (text)                                                            B1
    no_expiry        authtoken without expires_in; other lives by set                                B44
    los_ids          init: flow ids LOS-...                                                          B40
    callback_first   init: the callback comes before the answer                                      B71
    skip_auth        multiupload: auth_url is not tried first
    single_object    multiupload: one object with the batch_id only                                   B4
    status (the endpoint)
    unknown_status both_spellings right_spelling success_while_pending                           B22-B24
    late_news        IN_PROGRESS again, from the second answer after the end                         B68
    extracts and callback
    lone_surrogate control_characters duplicate_keys nan_score infinite_score huge_number big_integer
    deep text_score odd_score bool_score null_score score_out_of_range score_below_range small_scale
    confidence_out_of_range                                                                       B8-B20
    no_documents missing_lists null_lists unknown_type bare_fields nested_fields extra_keys      B25-B30
    same_ids empty_ids foreign_ids missing_document duplicate_checks reversed_checks same_sides
    unknown_check photo_match                                                                    B31-B32
    many long_value markup hidden_characters aadhaar_everywhere odd_dates                        B33-B38
    wrong_flow no_flow wrong_application lie                                                 B39 B73-B74
    with_ids echo    batch_id and file_uuid in the items; application_id and flow_params at the top
    auth and callback
    bearer no_token wrong_token query_token   how the token travels                              B62-B65
    method path text_plain   (to "GET"; to: another path)                                    B72 B77 B83
    drop duplicate reorder stale   never, n times (copies 2, together false), after the next one, an
                     older state after it (seconds 0.2); a late one by delay                     B66-B69
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .messages import Message
from .plays import ANSWERED, CUSTOMS, PLAYS, WITHOUT_WORK

_WHERE = {"times", "skip", "flow", "application", "when", "done"}


class UnknownFaultError(ValueError):
    """A switch that cannot be played; the text says which, and what there is."""


@dataclass(slots=True)
class Switch:
    """One fault at one endpoint, and how often it was met (per flow) and played."""

    endpoint: str
    play: str
    options: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    skip: int = 0
    flow: str = ""
    application: str = ""
    when: str = ""
    done: bool = True
    met: Counter[str] = field(default_factory=Counter)
    played: int = 0

    def meets(self, endpoint: str, flow: str, application: str, terminal: bool) -> bool:
        """True if this call is one to play on; counts it."""
        wanted = (
            (self.endpoint == endpoint or (self.endpoint == "*" and endpoint in ANSWERED))
            and self.flow in ("", flow)
            and self.application in ("", application)
            and self.when in ("", "terminal" if terminal else "running")
        )
        if not wanted or (self.times is not None and self.played >= self.times):
            return False
        self.met[flow] += 1
        if self.met[flow] <= self.skip:
            return False
        self.played += 1
        return True

    def apply(self, endpoint: str, message: Message) -> None:
        """Change the message."""
        PLAYS[endpoint][self.play](message, self.options)

    def shown(self) -> dict[str, Any]:
        """The switch as `GET /sandbox/faults` lists it."""
        counts = {"met": self.met.total(), "played": self.played}
        return {"endpoint": self.endpoint, "play": self.play, "times": self.times, **counts}


def _switch(endpoint: str, asked: object) -> Switch:
    """The switch a caller describes, or UnknownFaultError."""
    known = ANSWERED if endpoint == "*" else (endpoint,)
    if not all(name in PLAYS for name in known):
        raise UnknownFaultError(f"There is no endpoint {endpoint!r}; there are {', '.join(PLAYS)} and *.")
    if not isinstance(asked, dict):
        raise UnknownFaultError(
            f'{endpoint}: a switch is a JSON object like {{"play": "delay"}}, not {asked!r}.'
        )
    play = str(asked.get("play"))
    if not all(play in PLAYS[name] for name in known):
        there = sorted(set.intersection(*(set(PLAYS[name]) for name in known)))
        raise UnknownFaultError(f"{endpoint}: there is no play {play!r}; there are {', '.join(there)}.")
    asked = {"done": play not in WITHOUT_WORK, **CUSTOMS.get(play, {}), **asked}
    where = {name: value for name, value in asked.items() if name in _WHERE}
    options = {name: value for name, value in asked.items() if name not in _WHERE}
    return Switch(endpoint=endpoint, play=options.pop("play"), options=options, **where)


class Switchboard:
    """All switches that are on."""

    def __init__(self, faults: object = None) -> None:
        self._switches: list[Switch] = []
        self.replace(faults or {})

    def replace(self, faults: object) -> None:
        """Put these switches in place of all others; UnknownFaultError, and no change, if one is wrong."""
        if not isinstance(faults, dict):
            raise UnknownFaultError("Faults are a JSON object: endpoint -> one switch or a list of them.")
        self._switches = [
            _switch(endpoint, one)
            for endpoint, asked in faults.items()
            for one in (asked if isinstance(asked, list) else [asked])
        ]

    def meeting(self, endpoint: str, *, flow: str, application: str, terminal: bool) -> list[Switch]:
        """The switches to play on this call, in the order they were given."""
        return [one for one in self._switches if one.meets(endpoint, flow, application, terminal)]

    def shown(self) -> list[dict[str, Any]]:
        """Every switch and what it has done so far."""
        return [one.shown() for one in self._switches]
