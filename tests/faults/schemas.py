"""The doors under whatever Schemathesis makes of their description (doors.yaml), good and bad.

    python -m tests.faults.schemas [--cases 10000] [--seed 7]

Most cases know a secret path and a good token. No answer may be 5xx, tell of our insides, or be one that the
description does not know; what the description allows, with a good path and token, must be accepted; and
everything that was accepted must be taken up by the worker afterwards.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.benchmarks.table import Row, all_met, none, show
from tests.doors import Door, open_door
from tests.faults.taking_up import take_up_all

DESCRIPTION = Path(__file__).with_name("doors.yaml")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Half of the cases bring results: that is where there is most to go wrong.
SHARES = {
    ("GET", "/atlas/auth/{part}"): 0.1,
    ("POST", "/atlas/auth/{part}"): 0.1,
    ("POST", "/atlas/callback/{part}"): 0.3,
}
_MOSTLY = (True,) * 9 + (False,)
_INSIDES = (b"Traceback", b"Error:", b".py", b"sqlite", b"atlas_core")


@dataclass
class Found:
    """What the cases brought to light: empty is good."""

    cases: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)  # against the description
    chatty: list[str] = field(default_factory=list)  # bodies that tell of our insides
    refused: list[str] = field(default_factory=list)  # good results that were not accepted
    not_taken_up: list[str] = field(default_factory=list)


def run(folder: Path, *, cases: int, random_seed: int = 7) -> Found:
    """So many cases against one receiver with a book in `folder`."""
    found = Found()
    with open_door(folder) as door, requests.Session() as session:
        session.trust_env = False
        for (method, path), share in SHARES.items():
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _run_operation(door, session, method, path, mode, int(cases * share), random_seed, found)
        found.not_taken_up = take_up_all(door)
    return found


def _run_operation(
    door: Door,
    session: requests.Session,
    method: str,
    path: str,
    mode: GenerationMode,
    cases: int,
    random_seed: int,
    found: Found,
) -> None:
    operation = schemathesis.openapi.from_path(DESCRIPTION)[path][method]
    right_part = "auth-part" if "auth" in path else "callback-part"
    token = door.token()

    @seed(random_seed)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=operation.as_strategy(generation_mode=mode),
        knows_part=st.sampled_from(_MOSTLY),
        knows_token=st.sampled_from(_MOSTLY),
    )
    def ask(case: schemathesis.Case, knows_part: bool, knows_token: bool) -> None:
        if knows_part:
            case.path_parameters["part"] = right_part
        if knows_token and "callback" in path:
            case.headers["Token"] = token
        response = case.call(base_url=f"http://127.0.0.1:{door.port}", session=session)
        found.cases += 1
        found.answers[response.status_code] += 1
        label = f"{method} {path} ({mode.value}): {response.status_code}"
        try:
            case.validate_response(response, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            found.broken.append(f"{label}: {failure}")
        if any(inside in response.content for inside in _INSIDES):
            found.chatty.append(f"{label}: {response.content[:100]!r}")
        is_good = mode is GenerationMode.POSITIVE and knows_part and (knows_token or "auth" in path)
        if is_good and response.status_code != 200:
            found.refused.append(f"{label}: {str(case.body)[:200]}")

    ask()


def rows_of(found: Found) -> list[Row]:
    answers = ", ".join(f"{count:,} × {status}" for status, count in sorted(found.answers.items()))
    server_errors = sum(count for status, count in found.answers.items() if status >= 500)
    return [
        Row("cases", f"{found.cases:,}", answers, found.cases, None, " cases"),
        Row("answers of 5xx", "", "", server_errors, none("answers")),
        Row("answers against the description", *_first(found.broken), none("answers")),
        Row("answers that tell of our insides", *_first(found.chatty), none("answers")),
        Row("good results refused", *_first(found.refused), none("results")),
        Row("accepted, but not taken up", *_first(found.not_taken_up), none("results")),
    ]


def _first(findings: list[str]) -> tuple[str, str, float]:
    return "", findings[0].replace("\n", " ")[:200] if findings else "", len(findings)


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=7)
    given_options = options.parse_args(arguments)
    logging.disable()
    with tempfile.TemporaryDirectory() as place:
        found = run(Path(place), cases=given_options.cases, random_seed=given_options.seed)
    rows = rows_of(found)
    show(rows, ("", "", "told"))
    return int(not all_met(rows))


if __name__ == "__main__":
    sys.exit(main())
