"""What one look at a running flow costs our processor, beside a bare `requests.Session` doing the same.

    python -m tests.benchmarks.polling

The bare session is pooled, takes nothing from the environment and only calls `.json()`: no token to keep, no
deadline, no check of what came. Both ask the same server, which lives in a process of its own, with the
same number of threads, in alternating rounds; only this process's processor time counts.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import requests

from atlas_core.api.client import AtlasClient

ROUNDS = 9
POLLS = 800
FLOWS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(2000)]
POLLS_PER_SECOND = 400  # 2,000 flows, each asked every 5 s
GOAL_RATIO = 1.3
GOAL_SHARE = 0.5

_STATUS = json.dumps(
    {
        "upload_status": "SUCCESS",
        "processing_status": "IN_PROGRESS",
        "crossheck_status": "PENDING",
        "master_status": "IN_PROGRESS",
    }
).encode()
_TOKEN = json.dumps({"access_token": "t" * 300, "expires_in": 3600}).encode()


class _Atlas(asyncio.Protocol):
    """Answers authtoken and status and nothing else, as cheaply as Python can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        status, body = (b"201 Created", _TOKEN) if data.startswith(b"POST") else (b"200 OK", _STATUS)
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % (status, len(body)) + body)


def _serve(told: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Atlas, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def cheap_atlas() -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(tells,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{told.recv()}"
    finally:
        process.terminate()
        process.join(10)


def _microseconds_per_poll(poll: Callable[[str], object], threads: int, polls: int) -> float:
    flows = list(itertools.islice(itertools.cycle(FLOWS), polls))
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(poll, flows[:threads]))  # connections and threads exist before the clock starts
        started = time.process_time()
        list(pool.map(poll, flows))
        return (time.process_time() - started) / polls * 1e6


def measure(rounds: int = ROUNDS, polls: int = POLLS) -> list[dict[str, Any]]:
    """For 1 and for 32 threads: medians of processor microseconds per poll, ours and bare, their ratio
    round by round, and the share of one core that 400 polls a second take."""
    rows: list[dict[str, Any]] = []
    with cheap_atlas() as url, requests.Session() as session, AtlasClient(url, "bench", "bench") as client:
        session.trust_env = False
        session.mount(url, requests.adapters.HTTPAdapter(pool_maxsize=32))
        headers = {"Token": "t" * 300}

        def bare(flow: str) -> object:
            address = f"{url}/v3/verification/status"
            return session.get(address, params={"flow_uuid": flow}, headers=headers, timeout=(3, 10)).json()

        for threads in (1, 32):
            ours_us: list[float] = []
            bare_us: list[float] = []
            for turn in range(rounds):
                pair = [(ours_us, client.fetch_status), (bare_us, bare)]
                for taken, poll in pair if turn % 2 else reversed(pair):
                    taken.append(_microseconds_per_poll(poll, threads, polls))
            ours = statistics.median(ours_us)
            rows.append(
                {
                    "threads": threads,
                    "ours_us": ours,
                    "bare_us": statistics.median(bare_us),
                    "ratio": statistics.median(a / b for a, b in zip(ours_us, bare_us, strict=True)),
                    "share_of_core": ours * POLLS_PER_SECOND / 1e6,
                }
            )
    return rows


def main() -> None:
    print(f"{'threads':>7} {'ours us':>8} {'bare us':>8} {'ratio':>6} {'core at 400/s':>14}")
    for row in measure():
        print(
            f"{row['threads']:>7} {row['ours_us']:>8.0f} {row['bare_us']:>8.0f} {row['ratio']:>6.2f} "
            f"{row['share_of_core']:>13.0%}"
        )
    print(f"goals: ratio at most {GOAL_RATIO}, core under {GOAL_SHARE:.0%}")


if __name__ == "__main__":
    main()
