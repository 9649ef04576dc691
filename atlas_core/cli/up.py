"""`up`: sandbox, worker and pages as one, started in order and ended together."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from atlas_core.books.invented import refuse_invented, refuse_others
from atlas_core.books.last_words import BOOKS_UNUSABLE, keep_last_words
from atlas_core.books.queries import book_counts
from atlas_core.books.reading import open_books
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.cli.demo_verdicts import draw_for_demo, plant_verdicts
from atlas_core.cli.seed import run_seed
from atlas_core.cli.trickle import Trickle
from atlas_core.errors import AtlasDeskError, BookError, SettingsError
from atlas_core.settings import Settings, reachable_here
from atlas_core.worker.listening import why_not_listening

DEMO_FLOWS = 2000
DEMO_DAYS = 90
START_SECONDS = 60.0
STOP_SECONDS = 15.0
STEADY_SECONDS = 10.0
"""A part that ends itself sooner than this after its start has a reason of its own, which it has printed."""
HELD_BACK_SECONDS = 10.0
"""How often it is seen whether the worker, which could not start, can start now."""

_ROOT = Path(__file__).resolve().parents[2]
_local = build_opener(ProxyHandler({}))  # never through a proxy: every part is on this machine


@dataclass
class Part:
    """One process of the house; where it `greets`, what it prints besides errors is our own business."""

    name: str
    command: list[str]
    health: str
    greets: bool = False
    started_at: float = 0.0
    held_back_at: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> None:
        # A session of its own keeps Ctrl-C from reaching it before we do: they end in order.
        out = subprocess.DEVNULL if self.greets else None
        self.process = subprocess.Popen(self.command, stdout=out, start_new_session=True)
        self.started_at = time.monotonic()

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    @property
    def ended_itself(self) -> bool:
        """Whether it ended with a status of its own; False where a signal ended it."""
        return self.process is not None and self.process.returncode >= 0

    def hold_back(self) -> None:
        """The worker cannot start for now; everything else goes on."""
        self.held_back_at = time.monotonic()
        print("The worker is held back; the pages say why.", file=sys.stderr, flush=True)

    def stop(self) -> None:
        if self.process is None or self.has_ended:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def run_up(settings: Settings, *, demo: bool) -> int:
    """Runs until SIGTERM, SIGINT or SIGHUP; returns 0 then, 1 where a part could not be started."""
    if demo and not settings.uses_sandbox:
        raise SettingsError("The demo needs the sandbox: unset ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET.")
    for server, address, port in _ports(settings):
        _check_free(server, address, port)
    problem = _books_problem(settings)
    if problem:
        print(problem, file=sys.stderr, flush=True)
    elif settings.uses_real_atlas:
        refuse_invented(settings.atlas_book, settings.desk_book)
    elif demo:
        refuse_others(settings.atlas_book, settings.desk_book)
    if demo and not problem and _is_empty(settings):
        draw_for_demo(settings)
        run_seed(settings, flows=DEMO_FLOWS, days=DEMO_DAYS)
        plant_verdicts(settings)

    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    parts = _parts(settings)
    try:
        for part in parts:
            if part.name == "worker" and problem:
                part.hold_back()
                continue
            part.start()
            _wait_until_healthy(part, stopping)
        if stopping.is_set():
            return 0
        _announce(settings, demo=demo)
        with Trickle(settings, wanted=demo and not problem):
            _watch_over(parts, settings, stopping)
    finally:
        for part in reversed(parts):
            part.stop()
    return 0


def _parts(settings: Settings) -> list[Part]:
    python = [sys.executable, "-m"]
    ui = reachable_here(settings.ui_address)
    receiver = reachable_here(settings.receiver_address)
    parts = [
        Part(
            "worker", [*python, "atlas_core", "worker"], f"http://{receiver}:{settings.receiver_port}/healthz"
        ),
        Part(
            "pages",
            [
                *[*python, "streamlit", "run", str(_ROOT / "app.py")],
                *["--server.address", settings.ui_address, "--server.port", str(settings.ui_port)],
            ],
            f"http://{ui}:{settings.ui_port}/_stcore/health",
            greets=True,
        ),
    ]
    if settings.uses_sandbox:
        health = f"{settings.sandbox_origin}/sandbox/calls"
        parts.insert(0, Part("sandbox", [*python, "atlas_core", "sandbox"], health))
    return parts


def _ports(settings: Settings) -> list[tuple[str, str, int]]:
    ports = [
        ("UI", settings.ui_address, settings.ui_port),
        ("RECEIVER", settings.receiver_address, settings.receiver_port),
    ]
    if settings.uses_sandbox:
        ports.append(("SANDBOX", "127.0.0.1", settings.sandbox_port))
    return ports


def _check_free(server: str, address: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except (OSError, UnicodeError) as error:
            raise SettingsError(why_not_listening(server, address, port, error)) from None


def _is_empty(settings: Settings) -> bool:
    with open_books(settings.atlas_book, settings.desk_book) as books:
        return book_counts(books)["flows"] == 0


def _wait_until_healthy(part: Part, stopping: threading.Event) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not stopping.is_set():
        if part.process is not None and part.process.poll() == BOOKS_UNUSABLE:
            part.hold_back()
            return
        if part.has_ended:
            raise AtlasDeskError(f"The {part.name} did not start; its reason stands above.")
        try:
            with _local.open(part.health, timeout=2):
                return
        except (URLError, OSError):
            if time.monotonic() > deadline:
                raise AtlasDeskError(f"The {part.name} did not answer within {START_SECONDS:g} s.") from None
        stopping.wait(0.1)


def _books_problem(settings: Settings) -> str | None:
    """Makes the books or brings them up to date; or says, for the pages too, why that cannot be."""
    try:
        migrate_atlas(settings.atlas_book, settings.backup_dir)
        migrate_desk(settings.desk_book, settings.backup_dir)
    except BookError as error:
        problem = f"The worker cannot start: {error}"
        keep_last_words(settings.data_dir, problem)
        return problem
    return None


def _watch_over(parts: list[Part], settings: Settings, stopping: threading.Event) -> None:
    while not stopping.wait(0.5):
        for part in parts:
            if part.held_back_at:
                _try_again(part, settings)
            elif part.has_ended:
                _start_again(part)


def _start_again(part: Part) -> None:
    if part.ended_itself and time.monotonic() - part.started_at < STEADY_SECONDS:
        if part.name != "worker":
            raise AtlasDeskError(
                f"The {part.name} ended again right after its start; everything was stopped."
            )
        part.hold_back()
        return
    print(f"The {part.name} ended unexpectedly; it is started again.", file=sys.stderr, flush=True)
    part.start()


def _try_again(worker: Part, settings: Settings) -> None:
    """A worker that cannot start is not started in a circle, but as soon as it may go well."""
    if time.monotonic() - worker.held_back_at < HELD_BACK_SECONDS:
        return
    if _books_problem(settings):
        worker.held_back_at = time.monotonic()
    else:
        worker.held_back_at = 0.0
        worker.start()


def _announce(settings: Settings, *, demo: bool) -> None:
    lines: list[tuple[str, str]] = [
        ("Atlas Desk", f"http://{reachable_here(settings.ui_address)}:{settings.ui_port}"),
        ("Receiver", settings.receiver_url),
        ("Sandbox" if settings.uses_sandbox else "Atlas", settings.base_url),
    ]
    for name, address in lines:
        print(f"{name:<12}{address}", flush=True)
    print("With invented data. Stop with Ctrl-C." if demo else "Stop with Ctrl-C.", flush=True)
