"""Eight faults of the network at four endpoints: nothing hangs, nothing is done twice, every message helps.

    python -m tests.faults.network [--times 25] [--real 1]

Each run is a client of its own, over a TCP proxy that spoils the answers of a real sandbox. A deed whose
answer may have been lost must be unknown and arrive once; a question must be asked again; a message must name
the cause and the next step, and no secret. Most runs have short time-outs (0.3 s to connect, 0.4 s for a
read, 1 s in all); `--real` of each kind have those of the product (3, 10 and 30 s).
"""

from __future__ import annotations

import argparse
import logging
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from atlas_core.api.client import AtlasClient
from atlas_core.errors import AtlasError, NoAnswer, NotSent, OutcomeUnknown, UnexpectedReply
from atlas_core.models import FileToSend, FlowRequest
from tests.benchmarks.table import Row, all_met, at_most, show
from tests.fault_proxy import Fault, fault_proxy
from tests.servers import RunningSandbox, running_sandbox

SIGNATURE = "invented5ignature"
PART = "unguessable-path-part"
QUICK = {"connect_seconds": 0.3, "read_seconds": 0.4, "total_seconds": 1.0, "backoff_seconds": 0.01}
MANNERS = {"multiupload": {"play": "skip_auth"}, "callback": {"play": "drop"}}

ENDPOINTS = ("authtoken", "init", "multiupload", "question")
FAULTS: dict[str, Callable[[random.Random, float], Fault]] = {
    "latency": lambda chance, read: Fault("latency", seconds=read * chance.uniform(0.1, 2.0)),
    "bandwidth": lambda chance, read: Fault(
        "bandwidth", size=int(chance.choice((40, 100, 4000, 50_000)) / read)
    ),
    "slice": lambda chance, read: Fault(
        "slice", size=chance.choice((1, 7, 200)), seconds=read * chance.choice((0.01, 0.05, 0.3))
    ),
    "limit": lambda chance, _: Fault("limit", size=chance.randrange(0, 150)),
    "reset": lambda chance, _: Fault("reset", seen=chance.random() < 0.7),
    "black hole": lambda chance, _: Fault("black hole", seen=chance.random() < 0.7),
    "slow close": lambda chance, read: Fault("slow close", seconds=read * chance.uniform(0.1, 3.0)),
    "down": lambda _chance, _read: Fault("down"),
}

BROKE_OFF = r"the answer broke off( after \d+ bytes)? \(status 20[01]\)"
BROKE = r"the connection to 127\.0\.0\.1:\d+ broke before the whole answer came"
SILENT = r"127\.0\.0\.1:\d+ said nothing for [\d.]+ s( \(status 20[01]\))?"
LATE = r"no whole answer came within [\d.]+ s( \(status 20[01]\))?"
UNREADABLE = r".+ \(status 20[01], .+\)"  # what was cut off is no answer of the contract
CAUSES = {
    "latency": SILENT,
    "bandwidth": f"({SILENT}|{LATE})",
    "slice": f"({SILENT}|{LATE})",
    "limit": f"({BROKE_OFF}|{BROKE}|{UNREADABLE})",
    "reset": BROKE,
    "black hole": f"({SILENT}|{LATE})",
    "slow close": "never",
    "down": r"127\.0\.0\.1:\d+ refused the connection",
}
NEXT_STEPS = {
    NotSent: "Nothing was sent; it can be sent again.",
    NoAnswer: "It can be asked again.",
    OutcomeUnknown: "Atlas may have acted on it. Look for its effect before you send it again.",
    UnexpectedReply: "If it goes on, send this sentence to Atlas's support.",
}


@dataclass
class Run:
    """One call over one fault, and what is wrong with how it went."""

    fault: str
    endpoint: str
    kind: str = ""
    message: str = ""
    longest: float = 0.0
    requests: int = 0
    wrong: list[str] = field(default_factory=list)
    unhelpful: list[str] = field(default_factory=list)


class Bench:
    """A sandbox that all runs share, asked directly for what really happened."""

    def __init__(self, sandbox: RunningSandbox, direct: AtlasClient) -> None:
        self.sandbox = sandbox
        self.direct = direct
        self.port = int(sandbox.url.rpartition(":")[2])
        self.old_flow = self.flow("NETWORK-OLD")
        direct.upload_files(self.old_flow, FILES)

    def flow(self, application_id: str) -> str:
        return self.direct.init_flow(request_for(application_id))

    def run(self, fault: str, endpoint: str, number: int, *, real: bool = False) -> Run:
        """One run; the same number spoils in the same way."""
        chance = random.Random(f"{fault}|{endpoint}|{number}|{real}")
        application = f"{fault}-{endpoint}-{number}-{real}".replace(" ", "-")
        run = Run(fault, endpoint)
        times: list[float] = []
        settings = {} if real else QUICK
        read = settings.get("read_seconds", 10.0)
        flow = self.flow(application) if endpoint == "multiupload" else self.old_flow
        with (
            fault_proxy(self.port) as proxy,
            AtlasClient(
                proxy.url, "sandbox", "sandbox", on_call=lambda _, took, __: times.append(took), **settings
            ) as client,
        ):
            if endpoint != "authtoken":
                client.fetch_token()
                times.clear()
            asks = {
                "authtoken": client.fetch_token,
                "init": lambda: client.init_flow(request_for(application)),
                "multiupload": lambda: client.upload_files(flow, FILES),
                "question": lambda: (client.fetch_status if number % 2 else client.fetch_extracts)(flow),
            }
            proxy.fault = FAULTS[fault](chance, read)
            answer, error = None, None
            try:
                answer = asks[endpoint]()
            except AtlasError as caught:
                error = caught
                run.kind, run.message = caught.kind, str(caught)
        run.requests, run.longest = len(times), max(times, default=0.0)
        self._judge(run, application, flow, answer, error)
        return run

    def _judge(self, run: Run, application: str, flow: str, answer: object, error: AtlasError | None) -> None:
        deed = run.endpoint in ("init", "multiupload")
        if deed:
            arrived = self._arrived(run.endpoint, application, flow, at_least=answer is not None)
            if arrived > 1:
                run.wrong.append(f"it arrived {arrived} times")
            if answer is not None and arrived != 1:
                run.wrong.append("it is said to be done, and never arrived")
            if arrived and error is not None and not isinstance(error, OutcomeUnknown):
                run.wrong.append(f"it arrived, and the error says {error.kind}")
            if isinstance(error, OutcomeUnknown) and run.requests != 1:
                run.wrong.append("it was sent again though it may have arrived")
        elif isinstance(error, NoAnswer | NotSent) and run.requests != 3:
            run.wrong.append(f"a question was asked {run.requests} times instead of three")
        if run.endpoint == "init" and answer is not None:
            self.direct.fetch_status(str(answer))  # FlowNotFound would end the whole run
        if run.endpoint == "multiupload" and isinstance(answer, tuple) and len(answer) != len(FILES):
            run.wrong.append("files are missing from the answer")
        if error is not None:
            run.unhelpful += complaints(error, run.fault)
        elif answer is None:
            run.wrong.append("neither an answer nor an error came")

    def _arrived(self, endpoint: str, application: str, flow: str, *, at_least: bool) -> int:
        until = time.monotonic() + (2.0 if at_least else 0.1)
        while True:
            calls = self.sandbox.calls()
            arrived = int(
                (calls["inits"] if endpoint == "init" else calls["uploads"]).get(
                    application if endpoint == "init" else flow, 0
                )
            )
            if arrived >= at_least or time.monotonic() > until:
                return arrived
            time.sleep(0.02)


FILES = [FileToSend("invoice", f"https://files.lender.example/1.pdf?X-Amz-Signature={SIGNATURE}")]


def request_for(application_id: str) -> FlowRequest:
    nowhere = f"http://127.0.0.1:9/{PART}"
    return FlowRequest("PROD_CDL", application_id, f"{nowhere}/auth", f"{nowhere}/callback")


def complaints(error: AtlasError, fault: str) -> Iterator[str]:
    """What is missing from an error's message, or should not be in it."""
    message = str(error)
    if not re.fullmatch(r"(POST|GET) [a-z/]+", error.asked) or not message.startswith(f"{error.asked}: "):
        yield f"does not begin with the call: {message}"
    if not re.fullmatch(CAUSES[fault], error.came):
        yield f"does not name the cause of {fault}: {message}"
    if not message.endswith(NEXT_STEPS[type(error)]):
        yield f"does not end with the next step: {message}"
    if len(message) > 300 or "\n" in message:
        yield f"is too long: {message}"
    if SIGNATURE in message or PART in message or "Exception" in message or "Error(" in message:
        yield f"tells what it must not: {message}"


def measure(times: int, real: int) -> list[Run]:
    """All runs: `times` of each kind with short time-outs, `real` of each kind with the product's."""
    with (
        running_sandbox(seconds=0.1) as sandbox,
        AtlasClient(sandbox.url, "sandbox", "sandbox") as direct,
    ):
        sandbox.play(MANNERS)
        bench = Bench(sandbox, direct)
        kinds = [(fault, endpoint) for fault in FAULTS for endpoint in ENDPOINTS]
        with ThreadPoolExecutor(12) as quick, ThreadPoolExecutor(max(1, len(kinds) * real)) as slow:
            waiting = [
                slow.submit(bench.run, *kind, number, real=True) for kind in kinds for number in range(real)
            ]
            done = [quick.submit(bench.run, *kind, number) for number in range(times) for kind in kinds]
            return [run.result() for run in (*done, *waiting)]


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--times", type=int, default=25)
    options.add_argument("--real", type=int, default=1)
    options.add_argument("--messages", action="store_true", help="print every different message once")
    given = options.parse_args(arguments)
    logging.getLogger("atlas_core.sandbox").setLevel(logging.ERROR)
    started = time.monotonic()
    runs = measure(given.times, given.real)
    wrong = [f"{run.fault} at {run.endpoint}: {text}" for run in runs for text in run.wrong]
    unhelpful = [f"{run.fault} at {run.endpoint}: {text}" for run in runs for text in run.unhelpful]
    took, longest = time.monotonic() - started, max(run.longest for run in runs)
    answered = sum(1 for run in runs if not run.message)
    rows = [
        Row("longest request", f"{len(runs)} runs", f"{took:.0f} s in all", longest, at_most(31, " s")),
        Row("wrong states", f"{answered} answered all the same", "", len(wrong), at_most(0, "")),
        Row(
            "messages without cause or next step",
            f"{len(runs) - answered} messages",
            "",
            len(unhelpful),
            at_most(0, ""),
        ),
    ]
    show(rows, ("", "of", ""))
    print("\n".join([*wrong, *unhelpful]))
    if given.messages:
        print(
            "\n".join(
                sorted({re.sub(r"\d+", "n", f"{run.fault:11} {run.message}") for run in runs if run.message})
            )
        )
    return 0 if all_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
