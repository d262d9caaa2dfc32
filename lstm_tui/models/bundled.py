"""From the name a user gives to the network it means: a bundled one, or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.spec import read_tokens
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import read_header
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import AS_IT_IS, ImportOptions, open_file
from lstm_tui.formats.inputs.text_input import InputText
from lstm_tui.models import bundled_names, path

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.numeric_series import NumericSeries

TEXT_MODEL = "sentiment"
_LOOKED_AT = 20_000
"""Characters of a text by whose words a network is chosen."""
FORWARD_MODEL = "sentiment-forward"
NUMBERS_MODEL = "forecast"


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


def text_model(text: InputText) -> tuple[Network, str]:
    """Return the bundled network for a text, and what should be said of the choice; empty for the usual one.

    It is the usual one, unless another knows more of the words at the beginning of the text.
    """
    usual = open_model(TEXT_MODEL)
    words = tokenize(text.content[:_LOOKED_AT], "words")
    assert usual.tokens is not None
    known = {TEXT_MODEL: sum(map(usual.tokens.knows, words))}
    if known[TEXT_MODEL] == len(words):
        return usual, ""
    for name in bundled_names():
        tokens = None if name in known else read_tokens(read_header(path(name)).get("tokens"), name)
        if tokens is not None and tokens.kind == "words":
            known[name] = sum(map(tokens.knows, words))
    best = max(known, key=lambda name: known[name])  # the first of equal ones, the usual one before all
    if best == TEXT_MODEL:
        return usual, ""
    told = f"{best} is opened: it knows {known[best]} of {len(words)} words, {TEXT_MODEL} {known[TEXT_MODEL]}"
    return open_model(best), f"{told}; --model NAME opens another"


def model_for(source: InputText | NumericSeries, model: str | Path | Network | None) -> tuple[Network, str]:
    """Return the network that was asked for, or the bundled one for text or for numbers, and what to say of the choice.

    Raises:
        UserError: There is none of that name, or the file is damaged.
    """
    if model is None:
        return text_model(source) if isinstance(source, InputText) else (open_model(NUMBERS_MODEL), "")
    return (model if isinstance(model, Network) else open_model(named_model(model))), ""


def named_model(model: object) -> str:
    """Return what names a network, as text.

    Raises:
        UserError: It is neither a name nor a path, such as a living PyTorch model.
    """
    if isinstance(model, str | Path):
        return str(model)
    if hasattr(model, "state_dict"):
        raise UserError(
            "this is a living model: lstm_tui.capture(model, batch) runs it and keeps every step; "
            'or torch.save(model.state_dict(), "model.pt"), and load that'
        )
    if isinstance(model, Mapping):
        raise UserError('this is a dictionary: torch.save(it, "model.pt") or safetensors make a file of it; load that')
    raise UserError(f"a network is a bundled name, a path, or what `load` returned; this is a {type(model).__name__}")
