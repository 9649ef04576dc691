"""The worker as a process: how it starts, is told to stop, and what it says where it cannot go on."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

from atlas_core.books.last_words import BOOKS_UNUSABLE, forget_last_words, keep_last_words
from atlas_core.errors import AtlasDeskError, BookBusy, BookError
from atlas_core.settings import Settings
from atlas_core.worker.listening import why_not_listening
from atlas_core.worker.logs import log_to_stderr
from atlas_core.worker.service import UPKEEP_SECONDS, Worker


def serve_worker(settings: Settings, *, upkeep_seconds: float = UPKEEP_SECONDS) -> None:
    """Runs the worker until SIGTERM or SIGINT, then finishes what is under way (at most 10 s).

    Prints one line with the receiver's address. Exits with one sentence where it cannot start: with status
    `BOOKS_UNUSABLE` where that is for the books, else 1.
    """
    log_to_stderr()
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        worker = Worker(settings)
    except BookBusy as error:
        sys.exit(f"The worker cannot start: {error}")  # for the pages the one that runs speaks
    except AtlasDeskError as error:
        status = BOOKS_UNUSABLE if isinstance(error, BookError) else 1
        _end(settings, f"The worker cannot start: {error}", status)
    except (OSError, UnicodeError) as error:
        why = why_not_listening("RECEIVER", settings.receiver_address, settings.receiver_port, error)
        _end(settings, f"The worker cannot start: {why}")
    try:
        worker.start()
        forget_last_words(settings.data_dir)
        print(f"Worker: the receiver listens at {worker.receiver.address}", flush=True)
        worker.run(stopping, upkeep_seconds)
    except AtlasDeskError as error:
        _end(settings, f"The worker ends: {error}")
    finally:
        worker.stop()


def _end(settings: Settings, sentence: str, status: int = 1) -> NoReturn:
    keep_last_words(settings.data_dir, sentence)
    print(sentence, file=sys.stderr, flush=True)
    sys.exit(status)
