"""The debugger on a model that is running: what entered its recurrent modules, stepped through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.source import Source
from lstm_tui.formats.captures.from_torch import captured
from lstm_tui.living.capture import has_screen, show

if TYPE_CHECKING:
    from lstm_tui.engine.runtime.trace import Trace


def debug(model: Any, x: Any, layer: str | None = None, screen: bool | None = None) -> dict[str, Trace]:
    """Run a `torch.nn.Module` on `x` and step through what entered its recurrent modules.

    Args:
        model: A model with recurrent modules anywhere in it.
        x: What it takes, or a tuple of all its arguments; of a batch, the first sequence is looked at first.
        layer: Which recurrent module the screen shows, by its path in the model; by default the first.
        screen: Whether to open the screen; by default where there is a terminal.

    Returns:
        A trace of each module by its path in the model.

    Raises:
        UserError: The model holds no recurrent module, or none of this name.
    """
    made = captured(model, x, with_recording=False)
    shown = made.path(layer)
    opened = {name: Source.of_captured(made.of_module(name)) for name in made.modules}
    if has_screen() if screen is None else screen:
        show(opened[shown])
    return {name: source.run() for name, source in opened.items()}
