"""Which row of an embedding enters a captured module for each token, where that alone entered it at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedRun
from lstm_tui.formats.captures.token_rows import TokenRows, tokens_of
from lstm_tui.formats.verify.torch_calls import array_of

NOT_A_ROW = "what enters it is not known to be a row of an embedding"
TOLD_WORDS = "tokens= told the words of these sequences, and no vocabulary"
LARGEST_KEPT = 2**22
"""Numbers of the largest matrix that is copied at every step of a loop."""


def embeddings_of(model: Any, widths: Iterable[int]) -> dict[str, Array | None]:
    """Return copies of the matrices of a model that may be an embedding, (V, I) each; None of one too large to keep.

    Args:
        model: A PyTorch module.
        widths: I, how many numbers enter each recurrent module.
    """
    wide = set(widths)
    return {
        name: array_of(one) if one.numel() <= LARGEST_KEPT else None
        for name, one in model.named_parameters()
        if one.dim() == 2 and one.shape[1] in wide
    }


@quiet()
def with_token_rows(
    made: CapturedBatch, embeddings: Mapping[str, Any], names: Callable[[int], str] | None
) -> CapturedBatch:
    """Return a capture whose modules know what enters them for each token, where that is certain.

    It is where every row that entered a module, at any step, has the bits of the row of its id in one parameter.

    Args:
        made: The capture.
        embeddings: The parameters of the model that may be one, as tensors or as arrays, by their names; None of one
            that was too large to keep.
        names: From an id to its token; None where nobody told.
    """
    found = {
        path: _found(embeddings, [run for run in made.runs if run.module is module], names)
        for path, module in made.modules.items()
    }
    return _with(made, found)


def without_token_rows(made: CapturedBatch, why: str) -> CapturedBatch:
    """Return a capture whose modules tell why it is not known what enters them for a token."""
    return _with(made, dict.fromkeys(made.modules, why))


def _with(made: CapturedBatch, found: Mapping[str, TokenRows | str]) -> CapturedBatch:
    """Return a capture with what was found of each module: its rows, or why they are not known."""
    modules = {
        path: replace(module, token_rows=None, why_no_tokens=one)
        if isinstance(one := found[path], str)
        else replace(module, token_rows=one, why_no_tokens="")
        for path, module in made.modules.items()
    }
    runs = tuple(replace(run, module=modules[run.module.name]) for run in made.runs)
    return replace(made, modules=modules, runs=runs)


def _found(
    embeddings: Mapping[str, Any], runs: list[CapturedRun], names: Callable[[int], str] | None
) -> TokenRows | str:
    """Return what enters a module for each token; or why that is not known."""
    if not all(run.ids for run in runs):
        return NOT_A_ROW
    ids, wide = [np.array(run.ids) for run in runs], runs[0].x.shape[1]
    last = max(int(one.max()) for one in ids)
    for name, parameter in embeddings.items():
        if parameter is None:
            return f"{visible(name)} is too large to be copied at every step"
        if parameter.ndim != 2 or parameter.shape[1] != wide or parameter.shape[0] <= last:
            continue
        rows = parameter if isinstance(parameter, np.ndarray) else array_of(parameter)
        if not all(np.array_equal(rows[one], run.x) for one, run in zip(ids, runs, strict=True)):
            continue
        if names is None:
            return TOLD_WORDS
        try:
            return TokenRows(rows, tokens_of(tuple(names(n) for n in range(len(rows)))))
        except Exception:  # a function of the user's own may raise anything of an id that it does not know
            return f"tokens= does not name every row of {visible(name)}"
    return NOT_A_ROW
