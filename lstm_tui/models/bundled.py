"""Which network a text or numbers are read with: the one that is named, or the bundled one that knows most of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.formats.importers.named import find_model, open_model, words_known
from lstm_tui.formats.inputs.text_input import InputText

__all__ = [
    "FORWARD_MODEL",
    "NUMBERS_MODEL",
    "TEXT_MODEL",
    "find_model",
    "model_for",
    "named_model",
    "open_model",
    "text_model",
]

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.numeric_series import NumericSeries

TEXT_MODEL = "sentiment"
_LOOKED_AT = 20_000
"""Characters of a text by whose words a network is chosen."""
FORWARD_MODEL = "sentiment-forward"
NUMBERS_MODEL = "forecast"


def text_model(text: InputText) -> tuple[Network, str]:
    """Return the bundled network for a text, and what should be said of it; empty where the usual one knows every word.

    It is the usual one, unless another knows more of the words at the beginning of the text.
    """
    usual = open_model(TEXT_MODEL)
    words = tokenize(text.content[:_LOOKED_AT], "words")
    assert usual.tokens is not None
    known = {TEXT_MODEL: sum(map(usual.tokens.knows, words))}
    if known[TEXT_MODEL] == len(words):
        return usual, ""
    known |= words_known(words, but=known)
    best = max(known, key=lambda name: known[name])  # the first of equal ones, the usual one before all
    if best == TEXT_MODEL:
        told = f"{TEXT_MODEL} is opened: it knows {known[best]} of {len(words)} words, and no other knows more"
        return usual, f"{told}; --model NAME opens another"
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
    if isinstance(model, dict):
        raise UserError('this is a dictionary: torch.save(it, "model.pt") or safetensors make a file of it; load that')
    raise UserError(f"a network is a bundled name, a path, or what `load` returned; this is {kind_of(model)}")
