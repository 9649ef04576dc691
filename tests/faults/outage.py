"""Atlas gone for a minute, then back: it is not hammered meanwhile, and meets no crowd when it returns.

    python -m tests.faults.outage [--calls 1000] [--seconds 60] [--flows 500]

1. One client makes `calls` calls during an outage of `seconds`, with the product's own pauses: connections
   are refused, or torn down once the request is there. Its requests are counted.
2. A worker with `flows` flows, all an hour old, lives through such an outage. Counted are its requests, the
   time until it knows that Atlas is back, and the questions that the sandbox then gets in any ten seconds,
   until every flow has its results.
3. A watcher has 2,000 young flows, and nothing is broken: how long is any of them left alone at most?
"""

from __future__ import annotations

import argparse
import bisect
import itertools
import logging
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from atlas_core.api.client import AtlasClient
from atlas_core.books import store
from atlas_core.books.schema import migrate_atlas
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasError
from atlas_core.models import NO_STATUS, FileToSend, FlowRequest
from atlas_core.worker.gate import Gate
from atlas_core.worker.sync import Sync, WatchedFlow
from atlas_core.worker.watcher import Watcher
from tests.benchmarks.polling import cheap_atlas
from tests.benchmarks.table import Goal, Row, all_met, at_most, show
from tests.fault_proxy import Fault, fault_proxy
from tests.servers import RunningSandbox, running_sandbox
from tests.workers import running_worker, settings_for, until

REFUSED, TORN_DOWN = Fault("down"), Fault("reset", seen=False)
HOUR_MS = 3_600_000
NORMAL = 1 / (300 * 1.1)  # questions a second about a flow that is an hour old: every 300 to 360 s
WINDOW = 10.0
YOUNG_FLOWS = 2_000


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def requests_of(calls: int, seconds: float, fault: Fault, **settings: float) -> int:
    """Requests that so many calls make, spread over an outage; afterwards the client must work again."""
    told: list[str] = []
    with (
        running_sandbox() as sandbox,
        fault_proxy(port_of(sandbox.url)) as proxy,
        AtlasClient(
            proxy.url, "sandbox", "sandbox", on_call=lambda endpoint, *_: told.append(endpoint), **settings
        ) as client,
    ):
        client.fetch_token()
        proxy.fault = fault
        before, begun = len(told), time.monotonic()

        def call(number: int) -> None:
            time.sleep(max(0.0, begun + seconds * number / calls - time.monotonic()))
            with suppress(AtlasError):
                client.fetch_status("flow-00000")

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(call, range(calls)))
        during = len(told) - before
        proxy.fault = Fault()
        client.fetch_token()
    return during


def client_rows(calls: int, seconds: float) -> list[Row]:
    """How much more than its calls one client asks for in an outage."""
    outages = {"refused": REFUSED, "torn down": TORN_DOWN}
    with ThreadPoolExecutor(len(outages)) as pool:
        counts = pool.map(lambda fault: requests_of(calls, seconds, fault), outages.values())
    return [
        Row(f"requests of {calls:,} calls, {words}", f"{seconds:.0f} s", "", count, at_most(calls * 1.15, ""))
        for words, count in zip(outages, counts, strict=True)
    ]


def save_waiting_flows(folder: Path, sandbox: RunningSandbox, flows: int) -> None:
    """A book of flows that were sent an hour ago and have ended at Atlas meanwhile."""
    migrate_atlas(folder / "atlas.db")
    files = [FileToSend("invoice", "https://files.lender.example/1.pdf")]
    with (
        AtlasClient(sandbox.url, "sandbox", "sandbox") as client,
        AtlasWriter(folder / "atlas.db") as writer,
    ):
        for number in range(flows):
            request = FlowRequest("PROD_CDL", f"OUT-{number}", "http://127.0.0.1:9/a", "http://127.0.0.1:9/c")
            uuid = client.init_flow(request)
            client.upload_files(uuid, files)
            writer.write_soon(
                store.save_flow,
                uuid,
                application_id=request.application_id,
                product_type="PROD_CDL",
                created_at=now_ms() - HOUR_MS,
            )


def worker_rows(flows: int, seconds: float) -> list[Row]:
    """An outage that a worker lives through, and what follows it."""
    atlas = "SELECT state FROM worker_state WHERE name = 'atlas'"
    waiting = "SELECT count(*) FROM flows WHERE watched = 1"
    with (
        tempfile.TemporaryDirectory() as place,
        running_sandbox(seconds=0.1) as sandbox,
        fault_proxy(port_of(sandbox.url)) as proxy,
    ):
        sandbox.play({"multiupload": {"play": "skip_auth"}, "callback": {"play": "drop"}})
        save_waiting_flows(Path(place), sandbox, flows)
        proxy.fault = TORN_DOWN
        with running_worker(settings_for(Path(place), proxy.url)) as worker:
            until(lambda: worker.rows(atlas) == [("unreachable",)])
            time.sleep(seconds)
            during, back = proxy.connections, time.monotonic()
            proxy.fault = Fault()
            until(lambda: worker.rows(atlas) == [("ok",)], 60)
            noticed = time.monotonic() - back
            with suppress(AssertionError):
                until(lambda: worker.rows(waiting) == [(0,)], 60 + flows)
            took, left = time.monotonic() - back, worker.rows(waiting)[0][0]
        asks = sandbox.calls()["asks"].values()
    per_flow = [sorted(itertools.chain.from_iterable(flow.values())) for flow in asks]
    moments = sorted(itertools.chain.from_iterable(per_flow))
    most = max(bisect.bisect_left(moments, at + WINDOW) - place for place, at in enumerate(moments))
    closest = min(later - earlier for asked in per_flow for earlier, later in itertools.pairwise(asked))
    normal, probes = flows * NORMAL, 5 + 32 + seconds // 30 + 1  # what closes, was under way, and tries
    return [
        Row(f"requests of a worker with {flows} flows", f"{seconds:.0f} s", "", during, at_most(probes, "")),
        Row("time until it knows that Atlas is back", "", "", noticed, at_most(35, " s")),
        Row(
            "questions a second beyond the normal, any 10 s",
            f"{took:.0f} s for all",
            f"normal {normal:.1f}/s",
            most / WINDOW - normal,
            at_most(2, ""),
        ),
        Row("flows without their results in the end", "", "", left, at_most(0, "")),
        Row("closest two questions about one flow", "", "", closest, Goal(">=", 5, " s")),
    ]


def normal_row(flows: int, seconds: float) -> Row:
    """Nothing is broken: how long is any of so many young flows left alone?"""
    with (
        tempfile.TemporaryDirectory() as place,
        cheap_atlas() as url,
        AtlasClient(url, "sandbox", "sandbox") as client,
    ):
        book = Path(place) / "atlas.db"
        migrate_atlas(book)
        with AtlasWriter(book) as writer:
            uuids = [f"flow-{number:06}" for number in range(flows)]
            flow_ids = [
                writer.write_soon(
                    store.save_flow, uuid, application_id="Y", product_type="P", created_at=now_ms()
                )
                for uuid in uuids
            ]
            watched = [
                WatchedFlow(flow_id.result(), uuid, time.monotonic(), NO_STATUS)
                for uuid, flow_id in zip(uuids, flow_ids, strict=True)
            ]
            gate = Gate(lambda *_: None)
            watcher = Watcher(Sync(client, writer, gate, standards=Standards()), gate)
            watcher.start(watched)
            time.sleep(12)  # a start asks nobody in its first five seconds
            longest, begun = 0.0, time.monotonic()
            while time.monotonic() < begun + seconds:
                longest = max(longest, time.monotonic() - min(flow.asked_at for flow in watched))
                time.sleep(0.1)
            watcher.stop(5)
    what = f"{flows:,} young flows, all well: longest without a look"
    return Row(what, f"{seconds:.0f} s", "", longest, at_most(10, " s"))


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option, default in (("calls", 1000), ("seconds", 60), ("flows", 500)):
        options.add_argument(f"--{option}", type=int, default=default)
    given = options.parse_args(arguments)
    logging.disable(logging.ERROR)
    rows = client_rows(given.calls, given.seconds)
    rows += worker_rows(given.flows, given.seconds)
    rows.append(normal_row(YOUNG_FLOWS, 30))
    show(rows, ("", "measured", "beside it"))
    return 0 if all_met(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
