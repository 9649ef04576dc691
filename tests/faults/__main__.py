"""`make faults`: everything that can be broken, in turn; status 1 where a promise was not kept."""

from __future__ import annotations

import sys

from tests.faults import callbacks, drill, full_disk, kills, lost, network, outage, soak, states

FAULTS = (network, outage, callbacks, lost, states, drill, kills, full_disk, soak)
"""Each has `main(arguments)`, which prints its rows and returns 0 where every promise was kept."""


def main() -> int:
    broken = []
    for fault in FAULTS:
        print(f"\n{(fault.__doc__ or '').splitlines()[0]}", flush=True)
        if fault.main([]):
            broken.append(fault.__name__)
    print(f"\nNot kept: {', '.join(broken)}" if broken else "\nEvery promise was kept.")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
