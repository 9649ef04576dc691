"""Payloads spoilt on purpose: their values, their structure and their bytes, from a fixed seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

LARGEST = 2_000_000
RECORDED = Path(__file__).parents[1] / "payloads"

# As JSON text, so that what json.dumps would never write can be among them.
_ODD_VALUES = (
    *(
        "null",
        "true",
        "0",
        "-0.0",
        "1e400",
        "NaN",
        "-Infinity",
        "9" * 4_300,
        "9" * 5_000,
        "1.7976931348623157e308",
    ),
    *("18446744073709551616", '""', '" "', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u202e\\u200b"'),
    *('"98.5"', '"٩٨"', '"1_0"', '"98,5"', "100.0001", "-1", "0.93", '"=1+1"', '"<b>"', '"2034 5678 9012"'),
    *(
        "[]",
        "{}",
        "[[]]",
        '{"": ""}',
        '{"a": 1, "a": 2}',
        '{"value": {"value": 1}}',
        '{"confidence_score": "x"}',
    ),
    *(
        '"' + "x" * 70_000 + '"',
        "[" * 31 + "]" * 31,
        "[" * 40 + "]" * 40,
        '"' + "\\\\" * 100 + '"',
        "[1, 2",
        "}",
    ),
)
_ODD_KEYS = (
    "",
    " ",
    "\x00",
    "value",
    "confidence_score",
    "data",
    "__proto__",
    "flow_uuid",
    "a" * 70_000,
    "2034 5678 9012",
)
# A reader that looks at each character of a long text again and again shows at these.
_STRETCHED = (
    *(
        "a",
        "ad",
        "adh",
        "1",
        "1 ",
        "1-",
        "12 345",
        "\u0967",
        "=",
        "sig=",
        "://",
        "a://",
        "http://a@",
        "%",
        "%31",
        "?#",
    ),
    *(
        " ",
        ".",
        "_",
        "-",
        "\u200b",
        "\u0301",
        "\u202e",
        "/",
        "\\u0000",
        "x-amz-signature=",
        "uid",
        "2034-5678-",
    ),
    *("12/", "e", "+91 ", "f-", "00000000-", "\t", "<", "&", "XXXX "),
)
_MARK = "\ue000"  # stands for a value that is put in as text


def corpus() -> list[bytes]:
    """What Atlas's answers look like, whole."""
    answers: list[object] = [
        {"access_token": "token", "expires_in": 3600},
        {"flow_uuid": "LOS-0001-0002"},
        [{"batch_id": "B", "file_uuid": "F", "document_id": "D"}],
        {"batch_id": "B"},
        {"upload_status": "SUCCESS", "processing_status": "SUCCESS", "crossheck_status": "COMPLETED"},
        {"error_code": "409", "error_message": "Resource Conflict: Flow not found"},
        {"error": "Invalid token", "reason": "Signature has expired at https://a.example/atlas/auth/x"},
    ]
    recorded = [path.read_bytes() for path in sorted(RECORDED.rglob("*.json"))]
    return [*recorded, *(json.dumps(answer).encode() for answer in answers)]


def spoilt(seed: int, whole: list[bytes] | None = None) -> Iterator[bytes]:
    """Spoilt payloads without end, each made of one of `whole` (the corpus) by up to six steps."""
    chance = random.Random(seed)
    whole = whole or corpus()
    steps: tuple[Callable[[bytes, random.Random], bytes], ...] = (
        *(_spoil_value,) * 4,
        *(_spoil_key,) * 2,
        _repeat_part,
        _stretch,
        _flip,
        _cut,
        _splice,
    )
    while True:
        body = chance.choice(whole)
        for _ in range(chance.randint(1, 6)):
            body = chance.choice(steps)(body, chance)
        yield body[:LARGEST]


def spoil(body: bytes, chance: random.Random) -> bytes:
    """One step: a value or a key made odd where it is JSON, else some byte."""
    return chance.choice((_spoil_value, _spoil_value, _spoil_key, _stretch, _repeat_part))(body, chance)


def _places(value: object) -> Iterator[tuple[object, object]]:
    """Every container with each of its keys or indexes."""
    pairs: Iterator[tuple[object, object]] | list[tuple[object, object]] = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    for key, member in pairs:
        yield value, key
        yield from _places(member)


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _spoil_value(body: bytes, chance: random.Random) -> bytes:
    value = _read(body)
    places = list(_places(value))
    if not places:
        return _flip(body, chance)
    container, key = chance.choice(places)
    container[key] = _MARK  # type: ignore[index]
    return _written(value).replace(f'"{_MARK}"'.encode(), chance.choice(_ODD_VALUES).encode(), 1)


def _stretch(body: bytes, chance: random.Random) -> bytes:
    value = _read(body)
    places = list(_places(value))
    if not places:
        return _flip(body, chance)
    text = chance.choice(_STRETCHED) * chance.choice((100, 3_000, 20_000)) + chance.choice(
        ("", "!", "1", "a")
    )
    container, key = chance.choice(places)
    if isinstance(container, dict) and chance.random() < 0.3:
        container[text] = container.pop(key)
    else:
        container[key] = text  # type: ignore[index]
    return _written(value)


def _spoil_key(body: bytes, chance: random.Random) -> bytes:
    value = _read(body)
    places = [(container, key) for container, key in _places(value) if isinstance(container, dict)]
    if not places:
        return _flip(body, chance)
    container, key = chance.choice(places)
    assert isinstance(container, dict)
    member = container.pop(key)
    if chance.random() < 0.7:
        container[chance.choice(_ODD_KEYS)] = member
    return _written(value)


def _repeat_part(body: bytes, chance: random.Random) -> bytes:
    value = _read(body)
    lists = [container[key] for container, key in _places(value) if isinstance(container[key], list)]  # type: ignore[index]
    lists = [one for one in lists if one]
    if not lists:
        return _splice(body, chance)
    chosen = chance.choice(lists)
    chosen.extend([chance.choice(chosen)] * chance.choice((1, 2, 50)))
    return _written(value)


def _written(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _flip(body: bytes, chance: random.Random) -> bytes:
    changed = bytearray(body or b" ")
    for _ in range(chance.randint(1, 4)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _cut(body: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    return body[:start] + body[end:] if chance.random() < 0.5 else body[start:end]


def _splice(body: bytes, chance: random.Random) -> bytes:
    start, end, at = (chance.randrange(len(body) + 1) for _ in range(3))
    return body[:at] + body[min(start, end) : max(start, end)][:10_000] + body[at:]
