"""A captured batch as one long table: a row for each unit of each value, at each token of each sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError, unknown_name
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.formats.captures.captured_run import CapturedRun

MOST_ROWS = 50_000_000
"""Rows of a table, of about 50 bytes each."""


def long_table(runs: Sequence[CapturedRun], values: Sequence[str] | str | None = None) -> dict[str, Array]:
    """Return columns of one length: `module`, `call`, `sequence`, `pass`, `t`, `token`, `name`, `unit`, `value`.

    Where the batch was captured with a loss there is a column `gradient` behind them, of the loss by each value.

    Args:
        runs: The sequences.
        values: Names of values, of every pass that has them; by default all.

    Raises:
        UserError: No pass has a value of that name, or there are more rows than a table holds.
    """
    known = {value: None for run in runs for passed in run.trace.values() for value in passed}
    wanted = tuple(known) if values is None else (values,) if isinstance(values, str) else tuple(values)
    for value in wanted:
        if value not in known:
            raise unknown_name("no pass has a value", value, known)
    parts = [(run, name, value) for run in runs for name, passed in run.trace.items() for value in wanted
             if value in passed]  # fmt: skip
    count = sum(run.trace[name].steps * run.trace[name][value].shape[1] for run, name, value in parts)
    if count > MOST_ROWS:
        raise UserError(
            f"that is {count_of(count, 'row')}, and a table holds {MOST_ROWS}: name some values or a module"
        )
    has_loss = bool(runs) and all(run.d_y is not None for run in runs)
    columns: dict[str, list[Array]] = {}
    for run, name, value in parts:
        passed = run.trace[name]
        numbers = np.asarray(rows_of(passed[value], 0, passed.steps))
        steps, units = numbers.shape
        tokens = np.array(run.sequence.tokens, dtype=object)
        rows = {
            "module": np.full(numbers.size, run.module.name, dtype=object), "call": np.full(numbers.size, run.call),
            "sequence": np.full(numbers.size, run.batch), "pass": np.full(numbers.size, name, dtype=object),
            "t": np.repeat(np.arange(steps), units), "token": np.repeat(tokens, units),
            "name": np.full(numbers.size, value, dtype=object), "unit": np.tile(np.arange(units), steps),
            "value": numbers.ravel(),
        }  # fmt: skip
        if has_loss:
            gradient = run.gradients.get(name, {}).get(value)
            rows["gradient"] = np.full(numbers.size, np.nan) if gradient is None else np.asarray(gradient).ravel()
        for column, cells in rows.items():
            columns.setdefault(column, []).append(cells)
    return {column: np.concatenate(cells) for column, cells in columns.items()}
