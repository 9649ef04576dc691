"""When somebody should be told: facts in, alerts out. Nothing here reads, writes or remembers.

An alert's words hold ids and counts, never what a document says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from atlas_core.books.alerts import OTHERS, Alert
from atlas_core.books.backups import LATE_TURNS
from atlas_core.books.queries import AlertFacts, Found
from atlas_core.books.room import MARGIN_BYTES, in_bytes

RULES = (
    *("stuck flow", "failure share", "callbacks missing", "dead letter"),
    *("credentials refused", "version retired", "disk", "backup"),
)
FEWEST = 20  # of fewer flows no share is told
LASTING_MS = 120_000  # a refusal that a new token mends is none
CALLS_MISSING = 3
CALLS_MISSING_SHARE = 0.1
RELIEF = 1.2  # what was alerted is well again only a little beyond where it began
HOUR_MS = 3600 * 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules are measured by. `backup_hours`: for each book, how often it is to be copied (0: not).

    `raised` are the rules that are alerted already, which keeps what swings about a limit from being told
    again and again.
    """

    failure_share: float
    backup_hours: Mapping[str, float]
    free_bytes: int | None = None
    raised: frozenset[str] = frozenset()


def wanted_alerts(facts: AlertFacts, standing: Standing) -> list[Alert]:
    """Every alert that these facts call for."""
    return [
        *_each("stuck flow", facts.stuck, "Flow {} runs longer than it should."),
        *_failures(facts, standing),
        *_missing_calls(facts, standing),
        *_each("dead letter", facts.dead_letters, "Callback {} could not be read."),
        *_refusals(facts),
        *_disk(standing),
        *_backups(facts, standing),
    ]


def _each(rule: str, found: Found, words: str) -> Iterator[Alert]:
    for subject in found.ids:
        yield Alert(rule, subject, words.format(subject))
    more = found.total - len(found.ids)
    if more > 0:
        yield Alert(rule, OTHERS, f"And {more:,} more like these.", more)


def _failures(facts: AlertFacts, standing: Standing) -> Iterator[Alert]:
    limit = standing.failure_share / (RELIEF if "failure share" in standing.raised else 1.0)
    if facts.ended >= FEWEST and facts.failed >= facts.ended * limit and facts.failed:
        share = f"{facts.failed / facts.ended:.0%}"
        words = f"{share} of the newest {facts.ended} ended flows failed ({facts.failed} flows)."
        yield Alert("failure share", "", words, facts.failed)


def _missing_calls(facts: AlertFacts, standing: Standing) -> Iterator[Alert]:
    is_raised = "callbacks missing" in standing.raised
    share = CALLS_MISSING_SHARE / (RELIEF if is_raised else 1.0)
    if facts.uncalled >= (1 if is_raised else CALLS_MISSING) and facts.uncalled >= facts.fetched * share:
        words = (
            f"Atlas never called about {facts.uncalled:,} of {facts.fetched:,} flows that ended within a "
            "day. Their results were fetched instead."
        )
        yield Alert("callbacks missing", "", words, facts.uncalled)


def _refusals(facts: AlertFacts) -> Iterator[Alert]:
    atlas = facts.states.get("atlas")
    if atlas is None:
        return
    if atlas.state == "refused" and facts.now - atlas.since >= LASTING_MS:
        yield Alert("credentials refused", "", "Atlas refuses our credentials. Nothing is sent or fetched.")
    elif atlas.state == "retired":
        yield Alert("version retired", "", "Atlas has retired this version of its interface.")


def _disk(standing: Standing) -> Iterator[Alert]:
    limit = MARGIN_BYTES * (RELIEF if "disk" in standing.raised else 1.0)
    if standing.free_bytes is not None and standing.free_bytes < limit:
        yield Alert("disk", "", f"{in_bytes(standing.free_bytes)} are left on the disk of the books.")


def _backups(facts: AlertFacts, standing: Standing) -> Iterator[Alert]:
    keeper = facts.states.get("backup")
    for book, hours in standing.backup_hours.items():
        last = facts.states.get(f"backup of {book}")
        if not hours:
            continue
        if last is None:
            if keeper is not None and keeper.state == "failed":
                yield Alert("backup", book, f"There is no good backup of {book}.")
            continue
        age = (facts.now - last.seen_at) / HOUR_MS
        if age > hours * LATE_TURNS:
            yield Alert("backup", book, f"The newest good backup of {book} is {age:,.0f} hours old.")


def told_in_text(raised: Sequence[Alert], ended: Sequence[Alert], link: str = "") -> str:
    """One message about all of them, rule by rule; at most five cases of each are named. An id is only text
    in it: Slack would read `<!channel>` as a call to everybody."""
    text = "\n".join(part for part in (_paragraph("Alert", raised), _paragraph("Over", ended)) if part)
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, written)
    return f"{text}\n{link}" if link else text


def _paragraph(head: str, alerts: Sequence[Alert]) -> str:
    lines = []
    for rule in dict.fromkeys(alert.rule for alert in alerts):
        of_rule = [alert for alert in alerts if alert.rule == rule]
        cases = sum(alert.cases for alert in of_rule)
        count = f" ({cases:,})" if len(of_rule) > 1 else ""
        words = " ".join(alert.words for alert in of_rule[:5])
        left = sum(alert.cases for alert in of_rule[5:])
        lines.append(f"{head}: {rule}{count}. {words}" + (f" And {left:,} more." if left else ""))
    return "\n".join(lines)
