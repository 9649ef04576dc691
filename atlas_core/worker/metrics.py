"""Numbers in the text format that Prometheus reads (version 0.0.4).

Written here rather than by `prometheus-client`: all numbers lie ready elsewhere when they are asked for, so a
library would only have to write them down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

Labels = Mapping[str, str]
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True)
class Metric:
    """A counter or a gauge: one number, or one for each set of labels."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Labels, float]]

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, self.kind, self.help)
        for labels, value in self.samples:
            yield _sample(self.name, labels, value)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations in seconds: `counts` for each of `limits` and one more for what took longer."""

    name: str
    help: str
    limits: Sequence[float]
    counts: Sequence[int]
    seconds: float

    def lines(self) -> Iterator[str]:
        yield from _head(self.name, "histogram", self.help)
        upto = list(accumulate(self.counts))
        for limit, count in zip((*map(_number, self.limits), "+Inf"), upto, strict=True):
            yield _sample(f"{self.name}_bucket", {"le": limit}, count)
        yield _sample(f"{self.name}_sum", {}, self.seconds)
        yield _sample(f"{self.name}_count", {}, upto[-1])


def counter(name: str, help_: str, value: float) -> Metric:
    """What only grows, since the start."""
    return Metric(name, "counter", help_, [({}, value)])


def gauge(name: str, help_: str, value: float) -> Metric:
    """What is so now."""
    return Metric(name, "gauge", help_, [({}, value)])


def exposition(metrics: Iterable[Metric | Histogram]) -> str:
    """All of them as one text."""
    return "".join(f"{line}\n" for metric in metrics for line in metric.lines())


def _head(name: str, kind: str, help_: str) -> Iterator[str]:
    yield f"# HELP {name} {help_}"
    yield f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    inner = ",".join(f'{key}="{text.translate(_ESCAPES)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {_number(value)}" if inner else f"{name} {_number(value)}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
