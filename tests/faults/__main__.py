"""`make faults`: everything that can be broken, in turn; status 1 where a promise was not kept."""

from __future__ import annotations

import platform
import sqlite3
import sys
import time
from datetime import UTC, datetime

from tests.faults import (
    busy,
    callbacks,
    drill,
    full_disk,
    fuzz,
    hiding,
    kills,
    lost,
    network,
    outage,
    reviewers,
    schemas,
    soak,
    states,
    storm,
)

FAULTS = (
    *(schemas, fuzz, storm, busy, network, outage, callbacks, lost, states, hiding, reviewers),
    *(drill, kills, full_disk, soak),
)
"""Each has `main(arguments)`, which prints its rows and returns 0 where every promise was kept."""


def main() -> int:
    python, sqlite = platform.python_version(), sqlite3.sqlite_version
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {python}, SQLite {sqlite}")
    broken = []
    for fault in FAULTS:
        print(f"\n{(fault.__doc__ or '').splitlines()[0]}", flush=True)
        begin = time.monotonic()
        if fault.main([]):
            broken.append(fault.__name__)
        print(f"{time.monotonic() - begin:.0f} s", flush=True)
    print(f"\nNot kept: {', '.join(broken)}" if broken else "\nEvery promise was kept.")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
