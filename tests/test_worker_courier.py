"""What the worker does not send: documents that Atlas could not fetch, and anything to a retired Atlas."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.models import FileToSend
from tests.servers import running_sandbox
from tests.workers import RunningWorker, running_worker, settings_for, until

HOST = "files.lender.example"


def submit(worker: RunningWorker, name: str, *, host: str = HOST, seconds: float | None = None) -> None:
    """One document whose signed link ends `seconds` from now."""
    query = ""
    if seconds is not None:
        begun = datetime.now(UTC) + timedelta(seconds=seconds - 900)
        query = f"?X-Amz-Date={begun:%Y%m%dT%H%M%SZ}&X-Amz-Expires=900&X-Amz-Signature=invented"
    file = FileToSend("invoice", f"https://{host}/{name}.pdf{query}")
    worker.desk.save_submission(name, "PROD_CDL", {}, [file], "command", by=COMMAND)


def test_a_link_that_has_run_out_or_leads_elsewhere_is_refused_before_anything_is_sent_b58(
    tmp_path: Path,
) -> None:
    """A submission may wait out an outage, and its links end meanwhile."""
    busy = {"play": "status", "application": "WAITED", "code": 503, "retry_after": 4, "times": 1}
    with running_sandbox(seconds=0.2) as sandbox:
        sandbox.play({"init": busy})
        settings = settings_for(tmp_path, sandbox.url, file_hosts=(HOST,))
        with running_worker(settings) as worker:
            submit(worker, "GOOD", seconds=600)
            submit(worker, "UNSIGNED")
            submit(worker, "OLD", seconds=-5)
            submit(worker, "FOREIGN", host="drive.example")
            submit(worker, "WAITED", seconds=3)
            until(lambda: all(worker.attempt(name)[0] == "uploaded" for name in ("GOOD", "UNSIGNED")))
            until(lambda: all(worker.attempt(name)[0] == "refused" for name in ("OLD", "FOREIGN", "WAITED")))
            reasons = {name: worker.attempt(name)[1] or "" for name in ("OLD", "FOREIGN", "WAITED")}
        assert sandbox.calls()["inits"] == {"GOOD": 1, "UNSIGNED": 1, "WAITED": 1}
    for name in ("OLD", "WAITED"):
        assert "Document invoice: This link has run out" in reasons[name]
    assert "ATLAS_FILE_HOSTS" in reasons["FOREIGN"]
    for reason in reasons.values():
        assert reason.endswith("Nothing was sent; submit it again.")
        assert "invented" not in reason


def test_an_atlas_that_has_retired_this_version_is_asked_nothing_more_b42(tmp_path: Path) -> None:
    state = "SELECT state, sentence FROM worker_state WHERE name = 'atlas'"
    with (
        running_sandbox(seconds=30) as sandbox,
        running_worker(settings_for(tmp_path, sandbox.url)) as worker,
    ):
        submit(worker, "RUNNING")
        until(lambda: worker.attempt("RUNNING")[0] == "uploaded")
        sandbox.play({"status": {"play": "status", "code": 410}})
        until(lambda: worker.rows(state)[0][0] == "retired")
        before = sandbox.calls()["calls"]
        submit(worker, "LATER")
        time.sleep(7)  # longer than any flow is left alone
        assert sandbox.calls()["calls"] == before
        assert worker.attempt("LATER") == ("", None)
        assert "update Atlas Desk" in worker.rows(state)[0][1]
