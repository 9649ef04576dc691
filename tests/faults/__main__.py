"""What happens when things break: every command of this folder in turn; status 1 where a goal is missed."""

from __future__ import annotations

import sys
from types import ModuleType

from tests.faults import callbacks, lost, network, outage, states

FAULTS: tuple[ModuleType, ...] = (network, outage, callbacks, lost, states)


def main() -> int:
    missed = 0
    for fault in FAULTS:
        print(f"\n{(fault.__doc__ or '').splitlines()[0]}", flush=True)
        missed |= fault.main()
    return missed


if __name__ == "__main__":
    sys.exit(main())
