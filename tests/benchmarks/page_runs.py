"""One of rival_pages run over and over in a process of its own: script time, bytes and memory.

    python -m tests.benchmarks.page_runs PAGE PLACE

Runs the page through Streamlit's AppTest once for each line it reads, and answers each with a line of JSON:
`seconds` of the run, `figure_bytes` of its charts as they would be sent, and the process's `peak_bytes`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PAGES = Path(__file__).parent / "rival_pages"
_PATIENCE = 600  # seconds; 8 million rows take a newcomer's page a minute


@dataclass(frozen=True, slots=True)
class Run:
    seconds: float
    figure_bytes: int
    peak_bytes: int


class PageRuns:
    """A page in its own process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self) -> Run:
        """One more run of the page."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the page's process ended")
        return Run(**json.loads(answer))


@contextmanager
def page_runs(page: str, place: Path) -> Iterator[PageRuns]:
    """The page of that name in rival_pages, over the rows at `place`."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.page_runs", page, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield PageRuns(process)
        finally:
            process.kill()


def place_of_this_run() -> Path:
    """For the pages: where their process was told the rows are."""
    return Path(sys.argv[2])


def main() -> None:
    from streamlit import config, logger
    from streamlit.testing.v1 import AppTest

    config.set_option("runner.postScriptGC", False)  # as the desk sets it: favours whoever makes more rubbish
    logger.set_log_level("ERROR")
    test = AppTest.from_file(str(PAGES / f"{sys.argv[1]}.py"), default_timeout=_PATIENCE)
    for _ in sys.stdin:
        begin = time.perf_counter()
        test.run()
        seconds = time.perf_counter() - begin
        if test.exception:
            raise RuntimeError(test.exception[0].message)
        figures = sum(len(chart.proto.spec) for chart in test.get("plotly_chart"))
        said = {"seconds": seconds, "figure_bytes": figures, "peak_bytes": _peak_bytes()}
        print(json.dumps(said), flush=True)


def _peak_bytes() -> int:
    # Not getrusage: what it tells begins with what the parent had when it made this process.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main()
