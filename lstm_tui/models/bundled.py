"""From the name a user gives to the network it means: a bundled one, or a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.network_endings import ENDINGS
from lstm_tui.formats.importers.open import AS_IT_IS, ImportOptions, open_file
from lstm_tui.formats.inputs.text_input import InputText
from lstm_tui.models import bundled_names, path

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.numeric_series import NumericSeries

TEXT_MODEL = "sentiment"
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


def model_for(source: InputText | NumericSeries, model: str | Path | Network | None) -> Network:
    """Return the network that was asked for, or the bundled one for text or for numbers.

    Raises:
        UserError: There is none of that name, or the file is damaged.
    """
    if model is None:
        return open_model(TEXT_MODEL if isinstance(source, InputText) else NUMBERS_MODEL)
    return model if isinstance(model, Network) else open_model(named_model(model))


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
