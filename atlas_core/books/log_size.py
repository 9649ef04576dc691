"""The write-ahead log of atlas.db: how large it is, and who keeps it from being emptied."""

from __future__ import annotations

import os
from pathlib import Path

LARGE_BYTES = 64 * 1024 * 1024
"""Where nobody reads for long, a log is not larger than this, or not for long."""

# Of the locks on the -shm file, the bytes by which readers say which state they read (wal.c, os_unix.c).
_FIRST_READER, _LAST_READER = 123, 127


def log_bytes(book: Path) -> int:
    """The size of the book's log; 0 where there is none."""
    try:
        return book.with_name(f"{book.name}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def readers_of(book: Path, locks: Path = Path("/proc/locks")) -> dict[int, str]:
    """The processes that read some state of the book at this moment: their names by their ids. Empty where
    the system does not tell."""
    try:
        shared = book.with_name(f"{book.name}-shm").stat()
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    device = f"{os.major(shared.st_dev):02x}:{os.minor(shared.st_dev):02x}:{shared.st_ino}"
    found = {}
    for line in lines:
        # 7: POSIX  ADVISORY  READ 4711 fe:00:1835029 124 124
        words = line.split()
        if len(words) < 8 or words[3] != "READ" or words[5] != device:
            continue
        last = _LAST_READER if words[7] == "EOF" else int(words[7])
        if int(words[6]) <= _LAST_READER and last >= _FIRST_READER:
            found[int(words[4])] = _name_of(int(words[4]))
    return found


def _name_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "unknown"
