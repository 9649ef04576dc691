"""Numbers for tests, made at run time: no file holds a personal number that could be somebody's.

The check digit is computed here anew, from the group D5 itself instead of its tables, so that a slip in ours
is not repeated.
"""

from __future__ import annotations

import random
import re

# Arabic, Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada, Malayalam, wide, bold, Adlam
SCRIPTS = tuple("\u0660\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\uff10\U0001d7ce\U0001e950")

_CYCLE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_ALIKE = re.compile(r"(?<!\d)(?=(\d{4}[^\w]?\d{4}[^\w]?\d{4})(?!\d))")


def _times(left: int, right: int) -> int:
    """The product of two symmetries of a pentagon: 0 to 4 turn it, 5 to 9 turn it over first."""
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right) % 5
    return 5 + (left - right) % 5 if right < 5 else (left - right) % 5


def _check(digits: str) -> int:
    check = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        for _ in range(place % 8):
            value = _CYCLE[value]
        check = _times(check, value)
    return check


def is_valid(digits: str) -> bool:
    return _check(digits) == 0


def aadhaar(chance: random.Random, first: str = "23456789") -> str:
    """Twelve digits with a right check digit; `first` are the first digits to choose from."""
    body = chance.choice(first) + "".join(chance.choices("0123456789", k=10))
    return next(body + last for last in "0123456789" if is_valid(body + last))


def misread(number: str) -> str:
    """The number with a wrong check digit."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def in_script(number: str, zero: str) -> str:
    return "".join(chr(ord(zero) + int(digit)) if digit.isdigit() else digit for digit in number)


def fours(number: str, mark: str = " ") -> str:
    return mark.join((number[:4], number[4:8], number[8:]))


def numbers_left(text: str) -> list[str]:
    """What a scan for Aadhaar numbers finds: twelve digits, alone or in fours, with a right check digit."""
    plain = _UUID.sub("uuid", text)
    found = (re.sub(r"\D", "", match[1]) for match in _ALIKE.finditer(plain))
    digits = ("".join(str(int(digit)) for digit in number) for number in found)
    return [number for number in digits if is_valid(number)]
