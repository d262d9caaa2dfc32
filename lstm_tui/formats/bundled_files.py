"""The files of the networks inside the package: their names, where they lie, and the text that each is judged on.

Nothing here reads a file; `formats.importers.named` opens a network by its name.
"""

from __future__ import annotations

from pathlib import Path

_NAMES = (
    "sentiment", "sentiment-forward", "story", "story-rnn", "chars", "forecast",
    "recall-lstm", "recall-gru", "recall-rnn", "bindings-delta", "bindings-lstm", "bindings-gru", "tiny",
    "verdict-lstm", "verdict-peephole", "verdict-coupled", "verdict-gru", "verdict-relu",
    "verdict-depth", "verdict-grid", "verdict-clockwork", "verdict-attention",
    "verdict-nig", "verdict-nfg", "verdict-nog", "verdict-niaf", "verdict-noaf", "verdict-cifg", "verdict-fgr",
    "tagger", "tagger-forward", "numbers", "flip-flop", "picture",
)  # fmt: skip
HELD_OUT = {"story": "stories.txt", "sentiment": "verdicts.tsv", "verdict": "verdicts.tsv"}
"""The file of texts that no network learned from, by how the names of those begin that it judges."""
GROUPS = ("story", "verdict", "sentiment", "recall", "bindings", "tagger")
"""Tasks that several of the networks were trained on, by how the names of those begin."""
_FOLDER = Path(__file__).parent.parent / "models"


def bundled_names() -> tuple[str, ...]:
    """Return the names of the bundled networks; the first is the default for text."""
    return tuple(name for name in _NAMES if path(name).is_file())


def path(name: str) -> Path:
    """Return the file of a bundled network, whether or not there is one of this name."""
    return _FOLDER / f"{name}.safetensors"


def is_bundled(name: str) -> bool:
    """Say whether a network of this name is inside the package, so that no file of the user is read for it."""
    return name in _NAMES and path(name).is_file()


def held_out_path(name: str) -> Path:
    """Return the file of a name among those of held-out texts."""
    return _FOLDER / "held_out" / name
