"""The debugger on a model that is running: what entered its recurrent modules, stepped through."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.recording import capture
from lstm_tui.formats.verify.torch_calls import Entered, weights_of

if TYPE_CHECKING:
    from lstm_tui.engine.runtime.trace import Trace


def debug(model: Any, x: Any, layer: str | None = None, screen: bool | None = None) -> dict[str, Trace]:
    """Run a `torch.nn.Module` on `x` and step through what entered its recurrent modules.

    Args:
        model: A model with recurrent modules anywhere in it.
        x: What it takes, or a tuple of all its arguments; of a batch, the first sequence is looked at.
        layer: Which recurrent module the screen shows, by its path in the model; by default the first.
        screen: Whether to open the screen; by default where there is a terminal.

    Returns:
        A trace of each module by its path in the model.

    Raises:
        UserError: The model holds no recurrent module, or none of this name.
    """
    entered, _ = capture(model, x)
    opened = {one.name or type(one.module).__name__: _opened(one) for one in entered}
    if layer is not None and layer not in opened:
        near = nearest(layer, opened)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(map(visible, opened))}"
        raise UserError(f"the model has no recurrent module {visible(layer)!r}; {hint}")
    if screen is None:
        screen = sys.stdin.isatty() and sys.stderr.isatty()
    if screen:
        from lstm_tui.tui.app import run_app

        code = run_app(opened[layer or next(iter(opened))])
        if code > 128 and code != INTERRUPTED:  # told to end: so is the program that opened the screen
            raise SystemExit(code)
    return {name: source.run() for name, source in opened.items()}


def _opened(entered: Entered) -> Source:
    """Return a module as a network, with what entered it and the states it was given."""
    from lstm_tui.formats.importers.assemble import assemble
    from lstm_tui.formats.importers.import_report import ImportReport
    from lstm_tui.formats.importers.plan import Plan
    from lstm_tui.formats.importers.torch.parameter_names import find_groups, plan_group
    from lstm_tui.formats.importers.torch.safe_unpickler import Made
    from lstm_tui.formats.inputs.inputs import series_sequence

    module = entered.module
    name = entered.name or type(module).__name__
    report = ImportReport(name, "a running PyTorch module")
    tensors = {f"{name}.{key}": one for key, one in weights_of(module).items()}
    group = find_groups(tensors, name)[0]
    mode = getattr(module, "mode", type(module).__name__.removeprefix("Parametrized").removesuffix("Cell"))
    kind = f"torch.nn.modules.rnn.{'RNN' if mode.startswith('RNN') else mode}"
    made = Made(kind, state={"mode": mode, "nonlinearity": getattr(module, "nonlinearity", None)})
    if entered.broken is not None:
        report.warnings.append(
            f"at step {entered.broken} the model gave {visible(name)} another state than it had, "
            "so the steps before are shown"
        )
    network = assemble(Plan(name, plan_group(group, report, 0, {group.prefix: made})), report, name, "")
    network = replace(network, file=None, sha256=None)
    states: dict[str, dict[str, Any]] = {}
    for n, one in enumerate(network.passes):
        for state, rows in zip("hc", entered.initial, strict=False):
            states.setdefault(one.name, {})[state] = np.asarray(rows[n], dtype=np.float64)
    return Source(network, (series_sequence(entered.x),), initial=states or None)
