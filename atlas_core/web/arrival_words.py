"""Arrivals in words: how something came, and what became of it."""

from __future__ import annotations

from atlas_core.insight.theme import UNFORESEEN, Look
from atlas_core.web.timeline import DELIVERY_OUTCOMES

CHANNEL_LOOKS: dict[str, Look] = {
    "callback": Look("Callback", "blue", ":material/call_received:", "Atlas called us with results."),
    "extracts": Look("Fetch", "blue", ":material/download:", "We fetched the results from Atlas."),
    "auth": Look("Token call", "gray", ":material/key:", "Atlas called for a token, to call back with."),
    "refusal": Look(
        "Refusal",
        "gray",
        ":material/block:",
        "Somebody called and was turned away. Only a count for each hour, address and reason is kept.",
    ),
}
_LOOKS: dict[str, tuple[str, Look]] = {
    "waiting": ("Waiting", Look("", "blue", ":material/hourglass_empty:", "")),
    "provisional": ("Taken up", Look("", "blue", ":material/inbox:", "")),
    "confirmed": ("Counts", Look("", "green", ":material/check_circle:", "")),
    "confirms": ("Same as before", Look("", "green", ":material/done_all:", "")),
    "contradicted": ("Overruled", Look("", "orange", ":material/swap_horiz:", "")),
    "late": ("Too late", Look("", "gray", ":material/history:", "")),
    "orphan": ("Flow not known", Look("", "orange", ":material/help:", "")),
    "mismatch": ("Put aside", Look("", "red", ":material/notification_important:", "")),
    "dead letter": ("Dead letter", Look("", "red", ":material/unsubscribe:", "")),
}
OUTCOME_LOOKS: dict[str, Look] = {
    **{
        outcome: Look(label, look.color, look.icon, f"{DELIVERY_OUTCOMES[outcome].capitalize()}.")
        for outcome, (label, look) in _LOOKS.items()
    },
    "token given": Look("Token given", "gray", ":material/key:", "Atlas got a token to call back with."),
    "refused": Look(
        "Refused", "gray", ":material/block:", "Turned away; nothing of it was kept but a count."
    ),
}
_REFUSALS = {
    "400": "it was no proper call",
    "401": "its credentials or its token were wrong or missing",
    "404": "nothing is at that path, or the caller's network is not allowed",
    "405": "with a method that no door takes",
    "408": "it took longer than 10 s",
    "413": "it was larger than 5 MB",
    "415": "it was compressed, or no JSON",
    "429": "it failed too often",
    "503": "it could not be kept just then; Atlas was asked to come again",
}
_DOORS = {"auth": "the token door", "callback": "the callback door", "other": "no door of ours"}


def channel_look(channel: str) -> Look:
    """How a way of coming is shown."""
    return CHANNEL_LOOKS.get(channel) or Look(channel, UNFORESEEN.color, UNFORESEEN.icon, UNFORESEEN.meaning)


def arrival_look(outcome: str) -> Look:
    """How that which became of an arrival is shown."""
    return OUTCOME_LOOKS.get(outcome) or Look(outcome, UNFORESEEN.color, UNFORESEEN.icon, UNFORESEEN.meaning)


def reason_in_words(channel: str, reason: str | None) -> str | None:
    """Why something became of an arrival; of a refusal, the answer and the door."""
    if channel != "refusal" or not reason:
        return reason
    status, _, door = reason.partition(" at ")
    because = _REFUSALS.get(status, "")
    return f"{status} at {_DOORS.get(door, door)}" + (f": {because}" if because else "")
