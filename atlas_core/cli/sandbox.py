"""`sandbox`: Atlas as documented, on this machine."""

from __future__ import annotations

import json
import os

from atlas_core.books.book import filing
from atlas_core.books.other_files import SANDBOX_FILE
from atlas_core.errors import SettingsError
from atlas_core.sandbox.faults import Switchboard
from atlas_core.sandbox.server import serve
from atlas_core.settings import Settings
from atlas_core.worker.listening import why_not_listening

_HOST = "127.0.0.1"


def run_sandbox(settings: Settings) -> int:
    """Serves the sandbox on loopback until it is told to stop."""
    try:
        faults = json.loads(settings.sandbox_faults) if settings.sandbox_faults else None
        Switchboard(faults)
    except ValueError as error:
        raise SettingsError(f"ATLAS_SANDBOX_FAULTS cannot be played: {str(error).rstrip('.')}.") from None
    journal = settings.data_dir / SANDBOX_FILE
    with filing(journal):
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(journal, os.O_RDWR | os.O_CREAT, 0o600))
    try:
        serve(
            host=_HOST,
            port=settings.sandbox_port,
            seconds=settings.sandbox_seconds,
            faults=faults,
            state=journal,
        )
    except OSError as error:
        sentence = why_not_listening("SANDBOX", _HOST, settings.sandbox_port, error)
        raise SettingsError(f"The sandbox cannot start: {sentence}") from None
    return 0
