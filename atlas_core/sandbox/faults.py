"""Switches: what the sandbox should do wrong, where, how often."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .messages import Message
from .plays import PLAYS, WITHOUT_WORK

ENDPOINTS = ("authtoken", "init", "multiupload", "status", "extracts", "auth", "callback")
_WHERE = {"times", "skip", "flow", "application", "when", "done"}


class UnknownFaultError(ValueError):
    """A switch that cannot be played; the text says which and what there is."""


@dataclass(slots=True)
class Switch:
    """One fault at one endpoint, and how often it was met and played."""

    endpoint: str
    play: str
    options: dict[str, Any] = field(default_factory=dict)
    times: int | None = None
    skip: int = 0
    flow: str = ""
    application: str = ""
    when: str = ""
    done: bool = True
    met: int = 0
    played: int = 0

    def meets(self, endpoint: str, flow: str, application: str, terminal: bool) -> bool:
        """True if this call is one it should be played on; counts it."""
        wanted = (
            self.endpoint in (endpoint, "*")
            and self.flow in ("", flow)
            and self.application in ("", application)
            and self.when in ("", "terminal" if terminal else "running")
        )
        if not wanted or (self.times is not None and self.played >= self.times):
            return False
        self.met += 1
        if self.met <= self.skip:
            return False
        self.played += 1
        return True

    def apply(self, message: Message) -> None:
        """Change the message."""
        PLAYS[self.play](message, self.options)

    def shown(self) -> dict[str, Any]:
        """The switch as `GET /sandbox/faults` lists it."""
        return {
            "endpoint": self.endpoint,
            "play": self.play,
            "times": self.times,
            "met": self.met,
            "played": self.played,
        }


def _switch(endpoint: str, asked: dict[str, Any]) -> Switch:
    if endpoint not in (*ENDPOINTS, "*"):
        raise UnknownFaultError(f"no endpoint {endpoint!r}; there are {', '.join(ENDPOINTS)} and *")
    play = asked.get("play")
    if play not in PLAYS:
        raise UnknownFaultError(f"{endpoint}: no play {play!r}; there are {', '.join(sorted(PLAYS))}")
    where = {name: value for name, value in asked.items() if name in _WHERE}
    options = {name: value for name, value in asked.items() if name not in _WHERE and name != "play"}
    return Switch(
        endpoint=endpoint, play=play, options=options, **{"done": play not in WITHOUT_WORK, **where}
    )


class Switchboard:
    """All switches that are on."""

    def __init__(self, faults: dict[str, Any] | None = None) -> None:
        self._switches: list[Switch] = []
        self.replace(faults or {})

    def replace(self, faults: dict[str, Any]) -> None:
        """Put these switches in place of all others; UnknownFaultError, and no change, if one is wrong."""
        if not isinstance(faults, dict):
            raise UnknownFaultError("faults are a JSON object: endpoint -> one switch or a list of them")
        made = []
        for endpoint, asked in faults.items():
            for one in asked if isinstance(asked, list) else [asked]:
                if not isinstance(one, dict):
                    raise UnknownFaultError(f"{endpoint}: a switch is a JSON object with a play, not {one!r}")
                made.append(_switch(endpoint, one))
        self._switches = made

    def meeting(
        self, endpoint: str, *, flow: str = "", application: str = "", terminal: bool = False
    ) -> list[Switch]:
        """The switches to play on this call, in the order they were given."""
        return [one for one in self._switches if one.meets(endpoint, flow, application, terminal)]

    def shown(self) -> list[dict[str, Any]]:
        """Every switch and what it has done so far."""
        return [one.shown() for one in self._switches]
