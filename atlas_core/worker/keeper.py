"""A thread of the worker that looks again and again, whatever befalls one look, until it is told to stop."""

from __future__ import annotations

import logging
import os
import threading
from abc import ABC, abstractmethod

from atlas_core.errors import AtlasDeskError

_NICE = 10


class Keeper(ABC):
    """What the worker's keepers share; each says in `_look` what it looks after."""

    def __init__(
        self, name: str, log: logging.Logger, *, retry: float, trouble: str, gives_way: bool = False
    ) -> None:
        """A look that fails is logged as `trouble` and made again after `retry` seconds. Who `gives_way` lets
        all other threads go first."""
        self._log, self._retry, self._trouble, self._gives_way = log, retry, trouble, gives_way
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether it still looks."""
        return self._thread.is_alive()

    def start(self) -> None:
        """From now on it looks, at first after what an earlier worker left."""
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """Waits at most so long for the look under way; what is cut off the next start makes up for."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(seconds)

    @abstractmethod
    def _look(self) -> float:
        """One look; returns the seconds until the next."""

    def _wait(self, seconds: float) -> None:
        """Until the next look, or until it is to stop."""
        self._stopping.wait(seconds)

    def _keep(self) -> None:
        if self._gives_way and hasattr(os, "setpriority"):  # on Linux, of this thread alone
            own = threading.get_native_id()
            # Never upwards: that is refused, and a worker that was started politely stays so.
            os.setpriority(os.PRIO_PROCESS, own, max(_NICE, os.getpriority(os.PRIO_PROCESS, own)))
        while not self._stopping.is_set():
            self._wait(self._look_whatever_befalls())

    def _look_whatever_befalls(self) -> float:
        try:
            return self._look()
        except AtlasDeskError as error:
            self._log.error(self._trouble, extra={"error": type(error).__name__})
        except Exception:  # whatever troubles one look must not end the keeping
            self._log.error(self._trouble, exc_info=True)
        return self._retry
