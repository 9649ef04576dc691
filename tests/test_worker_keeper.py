"""The threads of the worker that look again and again."""

import logging
import os
import sys
import threading
import time

import pytest

from atlas_core.errors import BookBusy
from atlas_core.worker.keeper import Keeper
from tests.servers import wait_until

LOG = logging.getLogger("atlas_core.worker.tests")


class Looking(Keeper):
    """Meets one trouble after the other, then looks in peace."""

    def __init__(self, *troubles: Exception, pause: float = 60.0, gives_way: bool = False) -> None:
        super().__init__("looking", LOG, retry=0.01, trouble="not looked", gives_way=gives_way)
        self.troubles, self.pause, self.looks, self.nice = list(troubles), pause, 0, 0

    def _look(self) -> float:
        self.looks += 1
        if sys.platform == "linux":
            self.nice = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        if self.troubles:
            raise self.troubles.pop(0)
        return self.pause


def test_no_trouble_of_one_look_ends_the_keeping(caplog: pytest.LogCaptureFixture) -> None:
    keeper = Looking(BookBusy("atlas.db is locked"), ZeroDivisionError("by 4111 1111"))
    with caplog.at_level(logging.ERROR):
        keeper.start()
        wait_until(lambda: keeper.looks == 3, 10)
        assert keeper.is_alive
        keeper.stop(10)
    assert not keeper.is_alive
    assert [(one.message, getattr(one, "error", None)) for one in caplog.records] == [
        ("not looked", "BookBusy"),
        ("not looked", None),
    ]
    assert caplog.records[1].exc_info is not None


def test_one_that_waits_ends_as_soon_as_it_is_stopped() -> None:
    keeper = Looking()
    keeper.start()
    wait_until(lambda: keeper.looks == 1, 10)
    began = time.monotonic()
    keeper.stop(30)
    assert not keeper.is_alive
    assert time.monotonic() - began < keeper.pause / 2


def test_one_that_was_never_started_can_be_stopped() -> None:
    keeper = Looking()
    keeper.stop(30)
    assert not keeper.is_alive
    assert keeper.looks == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread has no priority of its own")
def test_one_that_gives_way_lowers_itself_and_nobody_else() -> None:
    polite, other = Looking(gives_way=True), Looking()
    for keeper in (polite, other):
        keeper.start()
        wait_until(lambda keeper=keeper: keeper.looks == 1, 10)
        keeper.stop(10)
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert (polite.nice, other.nice) == (max(10, own), own)
