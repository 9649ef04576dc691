"""Review by keys in Chromium: from the decision to the next case, beside a page with one button.

    python -m tests.benchmarks.reviewing [FOLDER]

On a copy of the large books (see large.py). A step runs from the key to the last change of the page before
its script has ended and nothing has changed for a while. Fifty cases are judged and decided with nothing but
the keyboard, and the keys are counted; after each case the other page gets a key, too. That the verdict is
kept before the next case shows is looked up in the book.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page

from tests.benchmarks.large import LargeBooks, large_books, wanted_flows
from tests.benchmarks.table import Row, at_most, ms, none, show
from tests.benchmarks.visits import tab_at
from tests.browser import chromium
from tests.desk_processes import desk_environment, free_port, running_pages, running_process

CASES = 50
WARM_UP = 3
GOAL = at_most(4)
GOAL_OF_KEYS = at_most(3, " keys")
KEYS_AT_MOST = 20

_QUIET_MS = 150
_PATIENCE_MS = 30_000
_WATCH = """
([quiet, patience]) => {
  window.step = new Promise((resolve, reject) => {
    let begin = null, last = null;
    const observer = new MutationObserver(() => { last = performance.now(); });
    observer.observe(document.body, {subtree: true, childList: true, characterData: true});
    document.addEventListener("keydown", () => { begin = performance.now(); }, {once: true, capture: true});
    const look = () => {
      const now = performance.now();
      const state = document.querySelector("[data-testid=stApp]").dataset.testScriptState;
      if (begin && last > begin && state === "notRunning" && now - last > quiet) {
        observer.disconnect();
        resolve(last - begin);
      } else if (begin && now - begin > patience) {
        observer.disconnect();
        reject(new Error("the page does not come to rest"));
      } else {
        setTimeout(look, 5);
      }
    };
    look();
  });
}
"""


@dataclass
class Shift:
    """Milliseconds of each decision and of each key on the other page; keys for each case; and how many
    decisions were not in the book when the next case showed."""

    decisions: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    late: int = 0


def measure(books: LargeBooks, cases: int = CASES) -> tuple[Shift, int]:
    """One shift, and how many cases waited at its beginning."""
    shift = Shift()
    with ExitStack() as stack:
        data_dir = stack.enter_context(_copy_of(books))
        browser = stack.enter_context(chromium())
        url = stack.enter_context(running_pages(desk_environment(data_dir)))
        bare = stack.enter_context(tab_at(browser, stack.enter_context(_running_bare(data_dir)))).page
        page = stack.enter_context(tab_at(browser, url, "/review?status=SUCCESS")).page
        waiting = int(_words(page, "waiting").split(" waiting")[0].split()[-1].replace(",", ""))
        for number in range(-WARM_UP, cases):
            keys, took = _decide(page)
            beside = _press(bare, "x")
            if number >= 0:
                shift.keys.append(keys)
                shift.decisions.append(took)
                shift.bare.append(beside)
                shift.late += _decided(data_dir) != number + 1 + WARM_UP
    return shift, waiting


def _decide(page: Page) -> tuple[int, float]:
    """Judges and decides the case on the screen; the keys that took, and the milliseconds of the last."""
    keys = 0
    while page.get_by_text("Accept and reject wait for").count():
        _press(page, "2")
        keys += 1
        if keys > KEYS_AT_MOST:
            raise RuntimeError("the verdicts are not taken")
    if not keys:
        page.wait_for_timeout(600)  # a case with nothing to judge is not decided at first sight
    return keys + 1, _press(page, "x")


def _press(page: Page, key: str) -> float:
    page.evaluate(_WATCH, [_QUIET_MS, _PATIENCE_MS])
    page.keyboard.press(key)
    return float(page.evaluate("() => window.step"))


def _words(page: Page, part: str) -> str:
    return page.get_by_text(part).first.text_content() or ""


def _decided(data_dir: Path) -> int:
    with closing(sqlite3.connect(f"file:{data_dir / 'desk.db'}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM case_decisions").fetchone()[0])


@contextmanager
def _copy_of(books: LargeBooks) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=books.data_dir.parent, prefix="reviewing-") as place:
        copy = Path(place) / "data"
        shutil.copytree(books.data_dir, copy)
        os.sync()  # else the copy is written to the disk in the middle of the shift, and every commit waits
        yield copy


@contextmanager
def _running_bare(data_dir: Path) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "tests/benchmarks/desks/rerun.py"]
    url = f"http://127.0.0.1:{port}"
    with running_process(
        [*command, f"--server.port={port}"], desk_environment(data_dir), f"{url}/_stcore/health"
    ):
        yield url


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    books = large_books(wanted_flows(), folder)
    shift, waiting = measure(books)
    ours, bare = statistics.median(shift.decisions), statistics.median(shift.bare)
    keys = sum(shift.keys) / len(shift.keys)
    print(f"{books.flows:,} flows, {waiting:,} cases waiting; medians of {len(shift.keys)} cases")
    show(
        [
            Row("from the decision to the next case", ms(ours), ms(bare), ours / bare, GOAL),
            Row("keys for a case", f"{keys:.2g}", f"at most {max(shift.keys)}", keys, GOAL_OF_KEYS),
            Row("decisions not kept when the next case showed", "", "", shift.late, none("late")),
        ],
        ("", "ours", "one button"),
    )


if __name__ == "__main__":
    main()
