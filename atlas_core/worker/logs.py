"""The worker's log: one line of JSON for each event, on standard error."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from traceback import extract_tb

from atlas_core.clock import now_ms


class JsonLines(logging.Formatter):
    """One line of JSON for each event: what happened, ids and counts. Of an exception only its kind and the
    places it passed: its text may quote what it was about."""

    _PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {"at": now_ms(), "level": record.levelname, "event": record.getMessage()}
        line.update({key: value for key, value in record.__dict__.items() if key not in self._PLAIN})
        kind, _, trace = record.exc_info or (None, None, None)
        if kind is not None:
            line["error"] = kind.__name__
            line["trace"] = [
                f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in extract_tb(trace)
            ]
        return json.dumps(line, default=str)


def log_to_stderr() -> None:
    """From now on this process writes its log so."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.ERROR)  # what is no HTTP is counted as a refusal
    logging.getLogger("urllib3").setLevel(logging.ERROR)
