"""`make faults`: every long rehearsal of what can go wrong, in turn; ends with 1 where any goal is missed."""

from __future__ import annotations

import sys

from tests.faults import drill, full_disk

REHEARSALS = (drill, full_disk)


def main() -> int:
    """Runs each under its first docstring line; returns how many missed a goal."""
    missed = 0
    for rehearsal in REHEARSALS:
        print(f"\n{(rehearsal.__doc__ or '').splitlines()[0]}", flush=True)
        missed += bool(rehearsal.main([]))
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main()))
