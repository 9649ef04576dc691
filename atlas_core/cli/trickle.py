"""The demo's trickle: a new invented application every few seconds, sent like any other."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from types import TracebackType

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.errors import BookError
from atlas_core.models import FileToSend
from atlas_core.sandbox.applications import make_application
from atlas_core.settings import Settings

SEED = "trickle"
PAUSE_SECONDS = (12, 30)


class Trickle:
    """Sends applications in the background while it is entered; does nothing unless `wanted`."""

    def __init__(self, settings: Settings, *, wanted: bool) -> None:
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trickle") if wanted else None

    def __enter__(self) -> None:
        if self._thread:
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        desk = Desk(self._settings.desk_book)
        pause = 2.0
        while not self._stopping.wait(pause):
            now = datetime.now(UTC)
            application = make_application(
                SEED,
                now.hour * 3600 + now.minute * 60 + now.second,  # no number twice on one day
                base_url=self._settings.sandbox_origin,
                product_type=self._settings.product_type,
                day=now.date(),
            )
            files = [FileToSend(item["document_id"], item["file_url"]) for item in application["documents"]]
            try:
                desk.save_submission(
                    application["application_id"],
                    application["product_type"],
                    application["flow_params"],
                    files,
                    source="demo",
                    by=COMMAND,
                )
            except BookError:
                continue  # a demo application less; the next one tries again
            pause = random.uniform(*PAUSE_SECONDS)  # noqa: S311 -- a rhythm, not a secret
