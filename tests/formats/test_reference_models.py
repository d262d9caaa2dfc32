"""Real trained networks against what other runtimes computed with them.

The weights belong to others and are not in the repository: `LSTM_TUI_REFERENCES` names the folder of the recorded
activations, `LSTM_TUI_REFERENCE_PACKAGES` the folder in which the packages are unpacked, one folder each.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.network import Network
from lstm_tui.formats.importing import Reading, open_file

CLOSE = 1e-4
RECORDED = Path(os.environ.get("LSTM_TUI_REFERENCES", "/nonexistent"))
PACKAGES = Path(os.environ.get("LSTM_TUI_REFERENCE_PACKAGES", "/nonexistent"))
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="LSTM_TUI_REFERENCES names no folder")


def recorded(name: str) -> dict[str, np.ndarray]:
    return dict(np.load(RECORDED / f"{name}.npz"))


def file(name: str) -> Path:
    found = list(PACKAGES.glob(f"*/**/{name}"))
    if not found:
        pytest.skip(f"LSTM_TUI_REFERENCE_PACKAGES holds no {name}")
    return found[0]


def close(trace: lstm_tui.Trace, name: str, value: str, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(trace[name][value], wanted, atol=CLOSE, err_msg=f"{name}/{value}")


def ids(network: Network, numbers: np.ndarray, **initial: np.ndarray) -> lstm_tui.Trace:
    states = {"layer0.forward": initial} if initial else None
    return lstm_tui.trace(" ".join(map(str, numbers)), network, initial=states)


@pytest.mark.parametrize("word", ["activationist", "recurrent", "debugger", "terminal"])
def test_g2p_en_encoder_and_decoder(word: str) -> None:
    wanted, path = recorded("g2p_en_gru"), file("checkpoint20.npz")
    encoder = ids(open_file(path).network, wanted[f"{word}.input_ids"])
    close(encoder, "layer0.forward", "h", wanted[f"{word}.enc_h"])
    said = wanted[f"{word}.phonemes"]
    fed = [2, *(int(np.flatnonzero(wanted["phoneme_set"] == one)[0]) for one in said)][: len(wanted[f"{word}.dec_h"])]
    network = open_file(path, Reading(network="decoder")).network
    decoder = ids(network, np.array(fed), h=encoder["layer0.forward"]["h"][-1])
    close(decoder, "layer0.forward", "h", wanted[f"{word}.dec_h"])
    np.testing.assert_allclose(decoder.output, wanted[f"{word}.dec_logits"], atol=CLOSE)
    np.testing.assert_array_equal(decoder.output.argmax(1), wanted[f"{word}.dec_logits"].argmax(1))


@pytest.mark.parametrize("text", ["zh1", "zh2"])
def test_g2pm_both_ways_from_a_pickle(text: str) -> None:
    wanted = recorded("g2pM_bilstm")
    trace = ids(open_file(file("np_ckpt.pkl")).network, wanted[f"{text}.ids"])
    for direction, short in (("forward", "fw"), ("backward", "bw")):
        for value in "hc":
            close(trace, f"layer0.{direction}", value, wanted[f"{text}.{short}_{value}"])
    np.testing.assert_allclose(trace.output, wanted[f"{text}.logits"], atol=CLOSE)
    np.testing.assert_array_equal(trace.output.argmax(1), wanted[f"{text}.logits"].argmax(1))


def test_silero_as_safetensors() -> None:
    wanted = recorded("silero_vad_safetensors")
    reading = Reading({"readout.before": "relu", "readout.activation": "sigmoid"})
    trace = lstm_tui.trace(wanted["lstm_in"], open_file(file("silero_vad_16k.safetensors"), reading).network)
    for value in "hc":
        close(trace, "layer0.forward", value, wanted[value])
    np.testing.assert_allclose(trace.output[:, 0], wanted["speech_prob"], atol=CLOSE)
