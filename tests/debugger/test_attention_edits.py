"""Attention that is edited: a masked step, a weight that is set, and what follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from edited_networks import WORDS, sentence

from lstm_tui.analysis.contributions import attention_in, attention_of, parts_of
from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import line_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.readout import load_readout, readout_names
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import gradients, run_arrays
from lstm_tui.formats.traces.trace_file import read, write

READOUTS = ("attention_dot", "attention_general", "attention_additive")


def attentive(readout: str = "attention_dot", dtype: Any = np.float64, both: bool = True) -> Network:
    spec = {
        "name": "attentive",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
        "embedding_size": 5,
        "layers": [{"cell": "lstm", "hidden_size": 4, "directions": ["forward", "backward"] if both else ["forward"]}],
        "readout": readout,
        "classes": ["negative", "positive"],
    }
    return build_network(spec, seed=2, dtype=dtype)


def opened(network: Network) -> Session:
    return Session.open(Source(network, [sentence(network)]))


@pytest.mark.parametrize("readout", READOUTS)
def test_a_masked_step_is_as_if_attention_had_never_seen_it(readout: str) -> None:
    session = opened(attentive(readout))
    plain = session.frame.trace
    assert answer(session, "mask 2")[0].startswith("score e of readout, all units, t=2: ")
    trace = session.frame.trace
    assert trace.edits == ("set readout.e[:] @ 2 = -inf",)
    scores = np.delete(plain.readout["e"][:, 0], 2)
    weights = np.insert(np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum(), 2, 0.0)
    np.testing.assert_allclose(trace.readout["a"][:, 0], weights, rtol=0, atol=1e-14)
    merged = np.concatenate([plain["layer0.forward"]["h"], plain["layer0.backward"]["h"]], axis=1)
    np.testing.assert_allclose(trace.readout["z"], weights @ merged, rtol=0, atol=1e-14)
    assert trace.result is not None
    assert np.abs(trace.result - plain.result).max() > 1e-6
    session.undo()
    assert session.frame.trace is plain


def test_a_weight_can_be_set_and_scaled(tmp_path: Any) -> None:
    session = opened(attentive())
    before = session.frame.trace.readout["a"][:, 0].copy()
    session.edit(parse_edit("set readout.a[0] @ 1 = 0.75"), parse_edit("scale readout.a[0] @ 3:5 * 2"))
    after = session.frame.trace
    assert list(after.readout["a"][:, 0]) == [before[0], 0.75, before[2], 2 * before[3], 2 * before[4]]
    assert session.words[0] == f"attention a of readout, unit 0, t=1: {before[1]:.2f} → 0.75"
    session.undo()
    session.undo()
    write(session.frame.trace, tmp_path / "t.json")
    assert attention_in(read(tmp_path / "t.json")) == "a" == attention_in(session.frame.trace)
    session.keep_edits(2)
    write(after, tmp_path / "t.json")
    assert read(tmp_path / "t.json").edits == after.edits
    assert attention_in(read(tmp_path / "t.json")) is None  # weights that were set need not add up to 1
    session.edit(parse_edit('insert 0 "not"'))
    assert session.frame.trace.readout["a"][2, 0] == 0.75  # what is held moves with its token
    assert parts_of(session.frame.trace) is None


def test_what_is_said_of_the_tokens_so_far_is_edited_too() -> None:
    network = attentive(both=False)
    session = opened(network)
    answer(session, "mask 0")
    output = session.frame.trace.output
    assert output is not None
    assert np.isnan(output[0]).all()  # of one token that is masked nothing is known
    short = Session.open(Source(network, [sentence(network, "The movie was")]))
    answer(short, "mask 0")
    np.testing.assert_array_equal(output[2], short.frame.trace.result)


@pytest.mark.parametrize("readout", READOUTS)
def test_gradients_go_round_what_is_held(readout: str) -> None:
    network = attentive(readout)
    ids = sentence(network).ids
    assert network.embedding is not None
    x = network.embedding[ids].copy()
    holds = [
        Hold("readout", "e", (0, 1), (1, 2), "set", float("-inf")),
        Hold("readout", "a", (0, 1), (3, 4), "scale", 3),
    ]
    weights = np.array([1.0, -2.0])

    def loss() -> float:
        said = run_arrays(network, x, "numpy", holds=holds).readout
        assert said is not None
        return float(weights @ said.values["y"])

    _, d_x, _ = gradients(run_arrays(network, x, "numpy", holds=holds), weights)
    for place in np.ndindex(x.shape):
        kept, step = x[place], 1e-6
        x[place] = kept + step
        more = loss()
        x[place] = kept - step
        assert d_x[place] == pytest.approx((more - loss()) / (2 * step), abs=1e-8)
        x[place] = kept


def test_which_values_are_there_at_every_token() -> None:
    found = {name: load_readout(name).series for name in readout_names()}
    assert {name: found[name] for name in READOUTS} == {
        "attention_dot": ("e", "a"),
        "attention_general": found["attention_general"],
        "attention_additive": found["attention_additive"],
    }
    assert all({"e", "a"} <= set(found[name]) and not {"z", "y"} & set(found[name]) for name in READOUTS)
    assert found["mean"] == ()
    for name in readout_names():
        network = build_network(
            {
                "name": "n",
                "input_size": 3,
                "layers": [{"cell": "rnn", "hidden_size": 3, "directions": ["forward", "backward"]}],
                "readout": name,
                "outputs": 2,
            }
        )
        said = run_arrays(network, np.ones((4, 3), np.float32), "numpy").readout
        assert said is not None
        assert {value for value, array in said.values.items() if array.ndim == 2} == set(found[name])
        assert (attention_of(network) == "a") == name.startswith("attention")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("set readout.z[0] @ 1 = 0", "readout has no series z"),
        ("set readout.a[1] @ 1 = 0", "readout.a has 1 units"),
        ("set readout.a[0] @ 9 = 0", "this tape has 5 tokens"),
        ("mask", "mask which tokens? such as: mask 3"),
        ("mask x", "mask which tokens?"),
        ("mask 9", "this tape has 5 tokens"),
    ],
)
def test_a_mistake_is_one_line(line: str, expected: str) -> None:
    session = opened(attentive())
    with pytest.raises(UserError) as refused:
        answer(session, line)
    assert expected in str(refused.value)
    assert not session.history.edits


def test_without_attention_there_is_nothing_to_mask() -> None:
    with pytest.raises(UserError, match="no attention"):
        answer(opened(attentive("mean")), "mask 1")
    assert "set readout.e[" in completions(opened(attentive()), "set readout.")
    line = "set readout.e[:] @ 2:4 = -inf"
    assert line_of(parse_edit(line)) == line


@pytest.mark.parametrize("readout", [one for one in readout_names() if one.startswith("attention")])
def test_the_verb_of_cells_that_look_names_the_weights_of_a_readout(readout: str) -> None:
    session = opened(attentive(readout))
    with pytest.raises(UserError, match=r"the readout weighs the tokens: `print readout\.(\w+)`") as told:
        answer(session, "attention")
    name = str(told.value).partition("readout.")[2].partition("`")[0]
    weight = float(session.frame.trace.readout[name][session.frame.t, 0])
    assert f"readout.{name} = {weight:.4g}" in answer(session, f"print readout.{name}")[0]
