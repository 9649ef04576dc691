"""Questions with yes or no, and how the command line prints their answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from atlas_core.errors import AtlasDeskError
from atlas_core.settings import Settings

Answer = tuple[bool, str]
"""Whether all is well, and a sentence about it."""
Question = Callable[[Settings], Answer]


def say(questions: Sequence[tuple[str, Question]], settings: Settings) -> bool:
    """Prints one line a question; returns whether every answer is good."""
    well = True
    for name, question in questions:
        try:
            good, sentence = question(settings)
        except AtlasDeskError as error:
            good, sentence = False, str(error)
        well = well and good
        print(f"{'ok ' if good else 'BAD'}  {name}: {sentence}")
    return well
