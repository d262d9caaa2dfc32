"""A capture as PyTorch would give it, made without it: two sequences through one LSTM of our own numbers."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedModule, CapturedRun
from lstm_tui.formats.inputs.inputs import series_sequence


def made_capture(seed: int = 0, units: int = 3, inputs: int = 2) -> CapturedBatch:
    """Return a capture of two sequences with gradients, tokens and answers."""
    rng = np.random.default_rng(seed)

    def floats(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    weights = {"weight_ih_l0": floats(4 * units, inputs), "weight_hh_l0": floats(4 * units, units),
               "bias_ih_l0": floats(4 * units), "bias_hh_l0": floats(4 * units)}  # fmt: skip
    module = CapturedModule("enc.rnn", "LSTM", weights, {name: floats(*one.shape) for name, one in weights.items()})
    runs = []
    for batch, tokens in enumerate((("not", "bad"), ("not", "so", "good"))):
        x = floats(len(tokens), inputs)
        trace = run(module.network, series_sequence(x))["layer0.forward"]
        final = tuple(np.array(trace.final_states[state][None]) for state in "hc")
        runs.append(CapturedRun(
            module, batch, 0, x, np.array(trace["h"]), (), final, (len(x),), (False,), floats(len(x), units),
            (floats(1, 1, units), floats(1, 1, units)), tokens, floats(2), np.array(batch), ("bad", "good"),
        ))  # fmt: skip
    return CapturedBatch("Model", {"enc.rnn": module}, tuple(runs), 2, 0.5, 1.25)
