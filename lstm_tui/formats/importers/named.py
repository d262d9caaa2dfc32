"""From the name a user gives to the network it means: a bundled one, or a file."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.spec import read_tokens
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.bundled_files import bundled_names, path
from lstm_tui.formats.importers.native import read_header
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import AS_IT_IS, ImportOptions, open_file


def find_model(name: str) -> Path:
    """Return the file of a network: a bundled name, or a path.

    Raises:
        UserError: There is neither; the message names the bundled network that is most alike.
    """
    known = list(bundled_names())
    if name in known:
        return Path(path(name))
    if os.path.lexists(name) or os.sep in name or name.lower().endswith(ENDINGS):
        return Path(name)
    alike = nearest(name, known)
    advice = f"did you mean {alike}?" if alike else f"there are {', '.join(known) or 'none bundled'}, or give a path"
    raise UserError(f"there is no model {visible(name)!r}; {advice}")


def open_model(name: str, reading: ImportOptions = AS_IT_IS) -> Network:
    """Return a bundled network by name, or one from a file of any format.

    Args:
        name: A bundled name, or a path.
        reading: What the user says of the file.

    Raises:
        UserError: There is none, or the file is damaged.
    """
    file = find_model(name)
    network = open_file(file, reading).network
    return network if str(file) == name else replace(network, file=None)  # a bundled one is known by its name


@cache
def _bundled_tokens(name: str) -> Tokens | None:
    return read_tokens(read_header(path(name)).get("tokens"), name)


def words_known(words: Sequence[str], but: Collection[str] = ()) -> dict[str, int]:
    """Return how many of some words each bundled network that reads words knows.

    Args:
        words: In any number; one that stands twice counts twice.
        but: Names of networks that are left out.
    """
    known: dict[str, int] = {}
    for name in bundled_names():
        tokens = None if name in but else _bundled_tokens(name)
        if tokens is not None and tokens.kind == "words":
            known[name] = sum(map(tokens.knows, words))
    return known
