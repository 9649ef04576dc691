"""Does anything that the dashboard installs have a known hole?

    python -m tests.audit

asks pypi.org, by pip-audit, about every package of the lock file. Ends with status 1 where one has a hole,
with a word and status 0 where pypi.org does not tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / ".deploy" / "requirements.lock"
PATIENCE = 5.0


def why_not() -> str:
    """Why the list of holes cannot be asked; empty where it can."""
    name, release = LOCK.read_text(encoding="utf-8").split(maxsplit=1)[0].split("==")
    try:
        with urllib.request.urlopen(
            f"https://pypi.org/pypi/{name}/{release}/json", timeout=PATIENCE
        ) as answer:
            return "" if "vulnerabilities" in json.load(answer) else "its answer names no holes"
    except (OSError, ValueError) as error:
        return str(error)


def main() -> int:
    reason = why_not()
    if reason:
        print(f"pip-audit: skipped, pypi.org's list of known holes cannot be reached ({reason}).")
        return 0
    command = [sys.executable, "-m", "pip_audit", "--strict", "--require-hashes", "--disable-pip"]
    return subprocess.run([*command, "-r", str(LOCK)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
