"""What security asks of the desk, numbered, and the tests that hold each number.

    python -m tests.checklist

prints a line for each number: the tests that carry it in their names (`test_…_c11`), or why it does not apply
to this product, or MISSING. Ends with status 1 where any is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tests.catalogue import covering_tests

BROWSER = {
    1: "the protecting headers on every answer of the pages",
    2: "a strict content policy",
    3: "cookies that scripts and plain HTTP cannot read",
    4: "a sign-in that ends",
    5: "a WebSocket of another origin",
    6: "a stranger's name that points here",
    7: "metrics and machine doors that are not there",
    8: "outside, the two addresses of Atlas and nothing else",
    9: "old TLS and plain HTTP",
    10: "Streamlit's own settings, as they are in force",
    11: "a download without its session",
    12: "no raw HTML",
    13: "no data read as Markdown",
    14: "no cache on disk, none shared between roles",
    15: "nothing personal in addresses",
}
DOORS = {
    16: "a callback without a token",
    17: "bad tokens of every kind",
    18: "secrets compared in constant time",
    19: "a body that is too large",
    20: "a compressed body",
    21: "two hundred half requests",
    22: "a flood of bad calls",
    23: "other methods",
    24: "a thousand requests made from the doors' description",
}
OUTBOUND = {
    25: "a redirect of Atlas's to another host",
    26: "certificates checked, redirects off, one client for all calls",
    27: "a base address that leads elsewhere",
    28: "a document's link that leads to us",
}
SECRETS = {
    29: "no secret in history, files of secrets for their owner alone",
    30: "no secret in logs",
    31: "no personal number at rest",
    32: "line breaks that forge a log line",
}
DATA = {
    33: "no SQL made of data",
    34: "books with their pragmas, for their owner alone",
    35: "SQLite's fault in its log: one writer",
    36: "roles, actions and fields",
    37: "another team's flow",
    38: "a log of deeds that cannot be changed unseen",
    39: "a reveal with its reason, its limit and its end",
    40: "an erasure that leaves no byte",
    41: "what is kept no longer than it may be",
    42: "exports without formulas and links",
    43: "headers of downloads",
}
SUPPLY = {
    44: "needs pinned by their hashes",
    45: "known holes in what is installed",
    46: "releases without the known holes",
    47: "static rules of security, no debugging",
    48: "services without rights",
    49: "a clock that is right",
    50: "a rehearsed restore",
}
CHECKLIST: Mapping[int, str] = {**BROWSER, **DOORS, **OUTBOUND, **SECRETS, **DATA, **SUPPLY}

NOT_APPLICABLE: Mapping[int, str] = {
    37: "there are no teams: whoever may look may look at every flow, and roles say what is shown of it",
    49: "the clock is the machine's; nothing here sets it, and README asks for NTP",
}
"""Numbers that this product cannot meet, each with the reason."""


def missing(found: Mapping[int, list[str]]) -> list[int]:
    """The numbers that no test carries and that are not excused."""
    return [number for number in CHECKLIST if number not in found and number not in NOT_APPLICABLE]


def main() -> int:
    found = covering_tests(letter="c")
    lost = missing(found)
    for number, title in CHECKLIST.items():
        tests = found.get(number, [])
        state = f"{len(tests)}: {tests[0]}" if tests else NOT_APPLICABLE.get(number, "MISSING")
        print(f"C{number:<4}{title:<65}{'n/a: ' if number in NOT_APPLICABLE else ''}{state}")
    print(f"\n{len(found)} covered, {len(NOT_APPLICABLE)} not applicable, {len(lost)} missing")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
