"""A state that begins with a parameter of its cell begins at zero where that parameter is left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run

PAGE = """name = "mine"
title = "t"
source = "s"
state = ["h"]
initial = { h = "b_0" }
optional = ["b_0"]
equations = '''
h = h + W_h @ x
'''
"""


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("without", [(), ("b_0",)])
def test_a_state_begins_with_its_parameter_or_at_zero(
    tmp_path: Path, without: tuple[str, ...], interpreter: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(PAGE)
    layer = {"cell": str(path), "hidden_size": 3, "without": list(without)}
    network = build_network({"input_size": 2, "layers": [layer]}, seed=1)
    if not without:
        network.tensors()["layer0.forward/b_0"][:] = 0.5
    trace = run(network, Sequence("numbers", ("a",), x=np.zeros((1, 2), np.float32)), interpreter=interpreter)
    np.testing.assert_array_equal(trace["layer0.forward"]["h"], np.full((1, 3), 0.0 if without else 0.5))
