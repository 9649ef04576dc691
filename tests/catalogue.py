"""What can go wrong, numbered, and the tests that hold each number.

    python -m tests.catalogue

prints a line for each number: the tests that carry it in their names (`test_…_b42`), or why this product
cannot meet it, or MISSING. Ends with status 1 where any is missing.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

_HERE = Path(__file__).parent
_TEST = re.compile(r"^ *def (test_\w+)", re.MULTILINE)

CALLS = {
    1: "an answer of status 200 whose body is not JSON",
    2: "HTML instead of an answer: a captive portal or a proxy's sign-in",
    3: "a success status with an error envelope inside; both envelopes",
    4: "an empty body, null, or a list where an object is due and the reverse",
    5: "a body cut off before its announced length",
    6: "a byte order mark; UTF-16",
    7: "bytes that are not UTF-8",
    8: "a lone surrogate in a text",
    9: "NUL and other control characters in a value",
    10: "the same key twice in one object",
    11: "NaN and Infinity as numbers",
    12: "a number beyond all floats",
    13: "an integer of thousands of digits, or beyond 64 bits",
    14: "nesting a hundred thousand deep",
    15: "a similarity sent as text",
    16: "a similarity in other scripts, with separators, blanks or a comma",
    17: "a similarity that is true or false",
    18: "a similarity out of range",
    19: "a similarity on the scale from 0 to 1",
    20: "a confidence out of range, and one of exactly 0",
    21: "a comparison with a missing score",
    22: "a status nobody documented",
    23: "crossheck_status in the right spelling, or in both",
    24: "SUCCESS while the cross-checks are pending",
    25: "SUCCESS without a single document",
    26: "lists that are missing, null or empty",
    27: "a document that Atlas did not recognise",
    28: "a document type or a field nobody documented",
    29: "a field that is not an object of value and confidence",
    30: "extra keys at the top of a payload",
    31: "document ids that are repeated, empty, foreign or missing",
    32: "documents of one type, checks of one side, reversed pairs, unknown checks",
    33: "very many documents and checks, very long values",
    34: "markup, formulas and links in values",
    35: "direction marks, invisible characters, homoglyphs",
    36: "Aadhaar numbers in every hiding place",
    37: "twelve digits that are no Aadhaar number",
    38: "dates that are none",
    39: "an answer about another flow than the one asked for",
    40: "a flow_uuid that is no UUID",
    41: "409: Atlas does not know the flow",
    42: "410: the version is retired; 422: Atlas cannot reach us",
    43: "401 once, and again",
    44: "a token without, or with an odd, life",
    45: "the same result fetched twice with different content",
}
NETWORK = {
    46: "a host name that cannot be found",
    47: "a refused or slow connection; TLS that cannot be trusted",
    48: "the answer to flow/init lost",
    49: "the answer to multiupload lost",
    50: "the answer to authtoken or a question lost",
    51: "429, with every kind of Retry-After",
    52: "503 from Atlas; 502 and 504 from a gateway",
    53: "answers that drip, never end, are huge, or unpack to something huge",
    54: "a redirect",
    55: "proxies and .netrc of the environment",
    56: "a token that ends between two calls, or under fifty at once",
    57: "a clock that jumps",
    58: "a signed link that has ended or soon will; a foreign host",
    59: "an Atlas that always takes ten seconds",
    60: "an hour without a connection, and what follows it",
    61: "a pooled connection whose other end is gone",
}
DOORS = {
    62: "a callback without a token",
    63: "a callback with a wrong, foreign, expired, doubled or odd token",
    64: "a token in the query string",
    65: "the right token in either header",
    66: "the same callback again, byte by byte or in another order of keys",
    67: "a hundred copies at one moment",
    68: "older news after newer",
    69: "SUCCESS after FAILED, and the reverse",
    70: "a callback for a flow nobody knows",
    71: "a callback before the answer to flow/init is kept",
    72: "one flow's callback on another flow's path",
    73: "another application's id in a callback",
    74: "a forged callback with a stolen token",
    75: "malformed JSON with a good token",
    76: "JSON that is no object",
    77: "JSON under another Content-Type",
    78: "a form of a million fields",
    79: "a body of 50 MB, announced or not",
    80: "a compressed body",
    81: "half a request, or one byte a second, two hundred times over",
    82: "contradictory lengths",
    83: "other methods",
    84: "tricks in the path",
    85: "tricks in the Host header",
    86: "a forged X-Forwarded-For",
    87: "a kill before and after the commit; an orderly end",
    88: "a full disk, a locked book, a newer book",
    89: "a callback that cannot be taken up",
    90: "wrong credentials at the auth address",
    91: "a flood at the auth address",
    92: "a thousand good calls at the auth address",
    93: "the auth address out of reach of Atlas",
    94: "plain HTTP from outside",
    95: "a browser at the callback address",
    96: "line breaks and escapes on their way into the log",
}
BOOKS = {
    97: "a read that turns into a write",
    98: "a second writer",
    99: "a folder on a network",
    100: "a damaged page",
    101: "a file that is no book, an empty one, a copy without its log",
    102: "a log taken away, another book under the same name, a second path to one",
    103: "a log that grows because somebody reads",
    104: "a kill during migration, compaction, backup or erasure",
    105: "a text where a number is due",
    106: "millions of rows of audit",
    107: "a clock that ran backwards",
    108: "an older backup restored",
    109: "a writer killed within its transaction",
}
SCREENS = {
    110: "an application id that is markup, a path, too long or blank",
    111: "wildcards, quotes and monsters in a search",
    112: "a search for a whole Aadhaar number",
    113: "cells that a spreadsheet would calculate",
    114: "numbers that are ids, ids that look like numbers",
    115: "a cell longer than a spreadsheet's",
    116: "a column of mixed types",
    117: "no row, one row, nothing but nothing, ten thousand bars",
    118: "two people who decide at once",
    119: "a double click, a reload, two tabs",
    120: "a result that changes under the reader",
    121: "somebody else's flow by its address",
    122: "rights that change during a session",
    123: "a cached answer for another role",
    124: "an error nobody expected",
    125: "an export's address in other hands",
    126: "an export of very many rows",
    127: "signed links on screens and in files",
    128: "a screen left open",
    129: "a connection that breaks during a session",
    130: "no secret for the sign-in cookies",
}
CATALOGUE: Mapping[int, str] = {**CALLS, **NETWORK, **DOORS, **BOOKS, **SCREENS}

NOT_APPLICABLE: Mapping[int, str] = {
    121: "there are no teams: whoever may look may look at every flow, and roles say what is shown of it",
}
"""Numbers that this product cannot meet, each with the reason."""


def covering_tests(folder: Path = _HERE, letter: str = "b") -> dict[int, list[str]]:
    """The tests that carry each number after this letter, as `file::test`."""
    numbers = re.compile(rf"_{letter}([0-9]{{1,3}})(?=_|$)")
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        for test in _TEST.findall(path.read_text(encoding="utf-8")):
            for number in numbers.findall(test):
                found[int(number)].append(f"{path.stem}::{test}")
    return found


def missing(found: Mapping[int, list[str]]) -> list[int]:
    """The numbers that no test carries and that are not excused."""
    return [number for number in CATALOGUE if number not in found and number not in NOT_APPLICABLE]


def main() -> int:
    found = covering_tests()
    lost = missing(found)
    for number, title in CATALOGUE.items():
        tests = found.get(number, [])
        state = f"{len(tests)}: {tests[0]}" if tests else NOT_APPLICABLE.get(number, "MISSING")
        print(f"B{number:<4}{title:<75}{'n/a: ' if number in NOT_APPLICABLE else ''}{state}")
    covered = len([number for number in CATALOGUE if number in found])
    print(f"\n{covered} covered, {len(NOT_APPLICABLE)} not applicable, {len(lost)} missing")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
