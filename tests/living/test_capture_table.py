"""A captured batch as one long table: beside a loop over its sequences, values and units."""

from __future__ import annotations

import numpy as np
import pytest
from made_captures import made_capture

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures import long_table
from lstm_tui.living.capture import Capture, as_capture

_KEYS = ("module", "call", "sequence", "pass", "t", "token", "name", "unit")


@pytest.fixture
def run() -> Capture:
    return as_capture(made_capture(seed=3))


@pytest.mark.parametrize("values", [None, "f", ("c", "h")])
def test_a_row_is_one_unit_of_one_value_at_one_token(run: Capture, values: tuple[str, ...] | str | None) -> None:
    table = run.table(values)
    wanted = {}
    for one in run.runs:
        for name, passed in one.trace.items():
            for value in passed:
                if values is None or value in (values if isinstance(values, tuple) else (values,)):
                    for t in range(len(one)):
                        for unit, number in enumerate(passed[value][t]):
                            at = (one.module.name, one.call, one.batch, name, t, one.sequence.tokens[t], value, unit)
                            wanted[at] = (number, one.gradients[name][value][t][unit] if "gradient" in table else None)
    rows = list(zip(*(table[key] for key in _KEYS), strict=True))
    assert len(rows) == len(set(rows)) == len(wanted)
    for n, at in enumerate(rows):
        number, gradient = wanted[at]
        assert table["value"][n] == number
        assert gradient is None or table["gradient"][n] == gradient


def test_the_gradient_stands_beside_the_value_where_there_was_a_loss(run: Capture) -> None:
    assert ("gradient" in run.table("f")) == all(one.d_y is not None for one in run.runs)


def test_one_module_alone_and_what_is_not_there(run: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    module = run.runs[0].module.name
    assert set(run.table("f", module)["module"]) == {module}
    with pytest.raises(UserError, match="no pass has a value ff; did you mean f"):
        run.table("ff")
    with pytest.raises(UserError, match="nosuch"):
        run.table(module="nosuch")
    monkeypatch.setattr(long_table, "MOST_ROWS", 10)
    with pytest.raises(UserError, match="name some values or a module"):
        run.table()


def test_it_is_a_table_of_pandas(run: Capture) -> None:
    pandas = pytest.importorskip("pandas")
    frame = run.to_frame("f", library="pandas")
    assert isinstance(frame, pandas.DataFrame)
    by_token = frame.groupby("token").value.mean()
    token = run.runs[0].sequence.tokens[0]
    mine = [passed["f"][t] for one in run.runs for passed in one.trace.values()
            for t in range(len(one)) if one.sequence.tokens[t] == token]  # fmt: skip
    assert by_token[token] == pytest.approx(float(np.mean(np.concatenate(mine))), rel=1e-5)
