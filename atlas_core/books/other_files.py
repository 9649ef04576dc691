"""Files in the folder of the books that are not the desk's."""

from __future__ import annotations

SANDBOX_FILE = "sandbox.jsonl"
"""What the sandbox was told and answers with. It stands for Atlas, which forgets nothing at our word: the
desk neither changes this file nor looks through it."""
