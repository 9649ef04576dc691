"""What the worker answers on its own machine: is it ready, and does its public address lead back to it?"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from atlas_core.links import is_loopback
from atlas_core.settings import Settings

READY_SECONDS = 10
LOOP_SECONDS = 60

_local = build_opener(ProxyHandler({}))  # never through a proxy: the worker is on this machine


@dataclass(frozen=True, slots=True)
class WayIn:
    """Whether Atlas can reach us, in a sentence. `answered`: the worker was there to be asked. `reached`: how
    far its call to itself came: `nothing`, `auth` (a token came out) or `callback` (and one came in)."""

    good: bool
    sentence: str
    answered: bool = True
    reached: str = "nothing"


def worker_trouble(settings: Settings) -> str | None:
    """Why the worker is not ready, empty where it is; None where it does not answer at all."""
    answer = _ask(settings, "GET", "/readyz", READY_SECONDS)
    return None if answer is None else str(answer.get("trouble", ""))


def find_way_in(settings: Settings) -> WayIn:
    """Asks the worker to call itself at the address that Atlas is given; nothing of that is kept."""
    found = _ask(settings, "POST", "/selftest", LOOP_SECONDS)
    if found is None or "ok" not in found:
        return WayIn(
            False,
            f"the worker does not answer at {settings.receiver_origin}. Start it, or let it listen at this "
            "machine's loopback address too (ATLAS_RECEIVER_ADDRESS).",
            answered=False,
        )
    good, sentence, reached = bool(found["ok"]), str(found.get("sentence", "")), str(found.get("reached", ""))
    if good and settings.local_atlas is None and is_loopback(settings.receiver_url):
        return WayIn(
            False,
            f"it leads through {settings.receiver_url}, an address of this machine alone, so Atlas cannot "
            "reach it. Set ATLAS_RECEIVER_URL to a public address that leads here.",
            reached=reached,
        )
    return WayIn(good, sentence, reached=reached)


def _ask(settings: Settings, method: str, path: str, seconds: float) -> dict[str, Any] | None:
    question = Request(settings.receiver_origin + path, method=method, headers={"Host": "localhost"})  # noqa: S310 http
    try:
        with _local.open(question, timeout=seconds) as answer:
            found = json.load(answer)
    except HTTPError as refusal:
        try:
            found = json.load(refusal)
        except (OSError, ValueError):
            return None
    except (URLError, OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
