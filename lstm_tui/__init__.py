"""lstm-tui: a debugger for recurrent networks. `load` a network, `trace` a run, read every value by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike

    from lstm_tui.engine.network import Network
    from lstm_tui.engine.trace import Trace

__version__ = "0.1.0"
__all__ = ["Network", "Trace", "__version__", "debug", "load", "record", "trace"]

_HOMES = {
    "Network": "lstm_tui.engine.network",
    "Trace": "lstm_tui.engine.trace",
    "debug": "lstm_tui.cli.live",
    "record": "lstm_tui.formats.verify.recording",
}


def load(path: str | Path) -> Network:
    """Return a trained network: a bundled one by name, or one from a file.

    Raises:
        UserError: There is none, or the file is damaged.
    """
    from lstm_tui.models.named import open_model

    return open_model(str(path))


def trace(
    source: str | Path | ArrayLike,
    model: str | Path | Network | None = None,
    *,
    line: int | None = None,
    whole: bool = False,
    dtype: str = "float32",
    interpreter: str = "numpy",
    initial: Mapping[str, Mapping[str, ArrayLike]] | None = None,
) -> Trace:
    """Run a network over a text, a file or an array and return every value.

    Args:
        source: A text; a file, as a `Path` or as the name of a file there is; or rows of numbers (T, I).
        model: A network, a bundled name or a file; by default `sentiment`, or `forecast` for numbers.
        line: Line of a file, from 1; by default its first that holds something.
        whole: Whether a file or text is one sequence, not a sequence for each line.
        dtype: float32 or float64.
        interpreter: numpy or numba.
        initial: States before the first step, as `{"layer0.forward": {"h": …}}`; by default the cell's own.

    Returns:
        The trace: `trace(...)["layer0.forward"]["f"]` is an array (T, H).

    Raises:
        UserError: The input or the network is missing or wrong.
    """
    import numpy as np

    from lstm_tui.engine.run import run
    from lstm_tui.formats.inputs import Sequences, open_source
    from lstm_tui.models.named import model_for

    opened = open_source(source)
    network = model_for(opened, model)
    sequences = Sequences(opened, network, whole)
    chosen = sequences[0 if line is None else sequences.index_of_line(line)]
    states = {
        name: {state: np.asarray(values, dtype=np.float64) for state, values in given.items()}
        for name, given in (initial or {}).items()
    }
    return run(network, chosen, interpreter, dtype, states or None)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `lstm-tui --help` stays quick."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
