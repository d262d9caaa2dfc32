"""Which row of an embedding enters a captured module for each token, where that alone entered it at every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import quiet
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedRun
from lstm_tui.formats.captures.token_rows import TokenRows, tokens_of
from lstm_tui.formats.verify.torch_calls import array_of

NOT_A_ROW = "what enters it is not known to be a row of an embedding"


@quiet()
def with_token_rows(made: CapturedBatch, model: Any, names: Callable[[int], str] | None) -> CapturedBatch:
    """Return a capture whose modules know what enters them for each token, where that is certain.

    It is where every row that entered a module, at any step, has the bits of the row of its id in one parameter.

    Args:
        made: The capture.
        model: What was captured.
        names: From an id to its token; None where nobody told.
    """
    modules = {}
    for path, module in made.modules.items():
        found = _found(model, [run for run in made.runs if run.module is module], names)
        why = found if isinstance(found, str) else ""
        modules[path] = replace(module, token_rows=None if isinstance(found, str) else found, why_no_tokens=why)
    runs = tuple(replace(run, module=modules[run.module.name]) for run in made.runs)
    return replace(made, modules=modules, runs=runs)


def _found(model: Any, runs: list[CapturedRun], names: Callable[[int], str] | None) -> TokenRows | str:
    """Return what enters a module for each token; or why that is not known."""
    if not all(run.ids for run in runs):
        return NOT_A_ROW
    ids, wide = [np.array(run.ids) for run in runs], runs[0].x.shape[1]
    last = max(int(one.max()) for one in ids)
    for name, parameter in model.named_parameters():
        if parameter.dim() != 2 or parameter.shape[1] != wide or parameter.shape[0] <= last:
            continue
        rows = array_of(parameter)
        if not all(np.array_equal(rows[one], run.x) for one, run in zip(ids, runs, strict=True)):
            continue
        if names is None:
            return "tokens= told the words of these sequences, and no vocabulary"
        try:
            return TokenRows(rows, tokens_of(tuple(names(n) for n in range(len(rows)))))
        except Exception:  # a function of the user's own may raise anything of an id that it does not know
            return f"tokens= does not name every row of {visible(name)}"
    return NOT_A_ROW
