"""A trace of a run in windows is written window by window, with the bytes of one that is held whole."""

from __future__ import annotations

import io

import numpy as np
import pytest

from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import windows
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.file_endings import TRACES
from lstm_tui.formats.traces.trace_file import write_stream


@pytest.mark.parametrize("outputs", [3, 40])
@pytest.mark.parametrize("ending", TRACES)
def test_an_export_of_windows_has_the_bytes_of_the_whole(
    ending: str, outputs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    network = build_network(
        {
            "name": "n", "input_size": 4, "readout": "dense", "outputs": outputs,
            "layers": [{"cell": "lstm", "hidden_size": 5, "directions": ["forward", "backward"]}],
        }
    )  # fmt: skip
    x = np.random.default_rng(2).normal(0, 1, (300, 4)).astype(np.float32)
    sequence = Sequence("numbers", tuple(f"{row[0]:.2f}" for row in x), x=x)
    found = []
    for most in (None, 0):
        stream = io.BytesIO()
        write_stream(run(network, sequence, "numba", array_bytes=most), stream, ending)
        found.append(stream.getvalue())
    assert found[0] == found[1]
