"""The bundled trained networks: their names, their files and what their cards say.

Nothing here trains or fetches anything (`build` does), and only the headers of the files are read.
"""

from __future__ import annotations

from typing import Any

from lstm_tui.formats.bundled_files import bundled_names, path

__all__ = ["FIRST_MODEL", "bundled_names", "card", "described", "path", "sample_of"]

FIRST_MODEL = "story"
"""What is opened with its sample where nothing is said: its units have names, and it is seen to forget and to keep."""
_SAMPLES = {
    "chars": "words.txt", "forecast": "waves.csv", "tiny": "tiny.txt", "numbers": "numbers.txt",
    "flip-flop": "flip-flop.csv", "picture": "picture.txt",
}  # fmt: skip


def sample_of(name: str | None) -> str:
    """Return the shipped sample that a network is opened with when no file is given."""
    if name is not None and name.startswith("recall-"):
        return "recall.txt"
    if name is not None and name.startswith("bindings-"):
        return "bindings.txt"
    if name is not None and name.startswith("story"):
        return "story.txt"
    if name is not None and name.startswith("tagger"):
        return "tagger.txt"
    return _SAMPLES.get(name or "", "sample.txt")


def card(name: str) -> dict[str, Any]:
    """Return the card of a bundled network: task, data, how it was made, what was measured.

    Raises:
        UserError: If there is no such network or its file is damaged.
    """
    from lstm_tui.formats.importers.native import read_header

    found: dict[str, Any] = read_header(path(name)).get("card", {})
    return found


def described(name: str) -> str:
    """Return one line on a bundled network: what it does and how well.

    Raises:
        UserError: If there is no such network or its file is damaged.
    """
    found = card(name)
    return f"{found.get('task', '')}; {found.get('accuracy', 'not measured')}"
