"""Files of encoders and decoders with attention answer as naive NumPy and PyTorch do, read back token by token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import lstm_tui
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.importers.open import ImportOptions, open_file

Tensors = dict[str, Array]
READ, SAID, WIDTH, OWN, HIDDEN = 9, 7, 5, 4, 6
ASKED = (3, 8, 2, 2, 5)
LOOKS_BY = {
    "general": "",
    "tutorial": "additive scores, before the step (the names Wa, Ua and Va)",
    "joined": "additive scores, before the step (the names attn and v)",
}
ANSWERED = (0, 4, 6, 4)  # the first is the sign that begins it


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def softmax(x: Array) -> Array:
    sizes = np.exp(x - x.max())
    return np.asarray(sizes / sizes.sum())


def named(prefix: str, kind: str, single: bool) -> str:
    """Return the name of a tensor of a recurrent layer, or of its single cell."""
    return f"{prefix}layers.0.{kind}" if single else f"{prefix}{kind}_l0"


def recurrent(rng: np.random.Generator, prefix: str, gates: int, reads: int, single: bool = False) -> Tensors:
    shapes = {"weight_ih": (gates * HIDDEN, reads), "weight_hh": (gates * HIDDEN, HIDDEN),
              "bias_ih": (gates * HIDDEN,), "bias_hh": (gates * HIDDEN,)}  # fmt: skip
    return {named(prefix, kind, single): rng.normal(0, 0.6, shape) for kind, shape in shapes.items()}


def step(t: Tensors, prefix: str, x: Array, h: Array, c: Array, single: bool = False) -> tuple[Array, Array]:
    of_x = t[named(prefix, "weight_ih", single)] @ x + t[named(prefix, "bias_ih", single)]
    of_h = t[named(prefix, "weight_hh", single)] @ h + t[named(prefix, "bias_hh", single)]
    if len(of_x) == 3 * HIDDEN:
        (r, z, n), (r_, z_, n_) = np.split(of_x, 3), np.split(of_h, 3)
        r, z = sigmoid(r + r_), sigmoid(z + z_)
        n = np.tanh(n + r * n_)
        return (1 - z) * n + z * h, c
    i, f, g, o = np.split(of_x + of_h, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def encoded(t: Tensors, table: str, prefix: str) -> tuple[Array, Array, Array]:
    h, c, rows = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for token in ASKED:
        h, c = step(t, prefix, t[table][token], h, c)
        rows.append(h)
    return np.array(rows), h, c


def tutorial(seed: int) -> Tensors:
    """Return what the tutorial's two modules hold, saved together."""
    rng = np.random.default_rng(seed)
    made = {"encoder.embedding.weight": rng.normal(0, 1, (READ, WIDTH)),
            "decoder.embedding.weight": rng.normal(0, 1, (SAID, OWN)),
            "decoder.out.weight": rng.normal(0, 1, (SAID, HIDDEN)),
            "decoder.out.bias": rng.normal(0, 1, SAID)}  # fmt: skip
    for name, shape in (("Wa", (HIDDEN, HIDDEN)), ("Ua", (HIDDEN, HIDDEN)), ("Va", (1, HIDDEN))):
        made |= {f"decoder.attention.{name}.weight": rng.normal(0, 0.7, shape),
                 f"decoder.attention.{name}.bias": rng.normal(0, 0.7, shape[0])}  # fmt: skip
    made |= recurrent(rng, "encoder.gru.", 3, WIDTH) | recurrent(rng, "decoder.gru.", 3, OWN + HIDDEN)
    return {name: one.astype(np.float32) for name, one in made.items()}


def answers_of_tutorial(t: Tensors) -> tuple[Array, Array]:
    rows, h, c = encoded(t, "encoder.embedding.weight", "encoder.gru.")
    said, looked = [], []
    linear = {n: [t[f"decoder.attention.{n}.{kind}"] for kind in ("weight", "bias")] for n in ("Wa", "Ua", "Va")}
    for token in ANSWERED:
        match = np.tanh(linear["Wa"][0] @ h + linear["Wa"][1] + rows @ linear["Ua"][0].T + linear["Ua"][1])
        a = softmax(match @ linear["Va"][0][0] + linear["Va"][1])
        x = np.concatenate([t["decoder.embedding.weight"][token], a @ rows])
        h, c = step(t, "decoder.gru.", x, h, c)
        said.append(softmax(t["decoder.out.weight"] @ h + t["decoder.out.bias"]))
        looked.append(a)
    return np.array(said), np.array(looked)


def opennmt(seed: int, cell: str, score: str, feeds: bool) -> Tensors:
    rng, gates = np.random.default_rng(seed), 3 if cell == "gru" else 4
    made = {
        "encoder.embeddings.make_embedding.emb_luts.0.weight": rng.normal(0, 1, (READ, WIDTH)),
        "decoder.embeddings.make_embedding.emb_luts.0.weight": rng.normal(0, 1, (SAID, OWN)),
        "generator.0.weight": rng.normal(0, 1, (SAID, HIDDEN)), "generator.0.bias": rng.normal(0, 1, SAID),
        "decoder.attn.linear_out.weight": rng.normal(0, 0.5, (HIDDEN, 2 * HIDDEN)),
    }  # fmt: skip
    if score == "general":
        made["decoder.attn.linear_in.weight"] = rng.normal(0, 0.5, (HIDDEN, HIDDEN))
    if score == "additive":
        made |= {
            "decoder.attn.linear_query.weight": rng.normal(0, 0.5, (HIDDEN, HIDDEN)),
            "decoder.attn.linear_query.bias": rng.normal(0, 0.5, HIDDEN),
            "decoder.attn.linear_context.weight": rng.normal(0, 0.5, (HIDDEN, HIDDEN)),
            "decoder.attn.v.weight": rng.normal(0, 0.5, (1, HIDDEN)),
            "decoder.attn.linear_out.bias": rng.normal(0, 0.5, HIDDEN),
        }  # fmt: skip
    made |= recurrent(rng, "encoder.rnn.", gates, WIDTH)
    made |= recurrent(rng, "decoder.rnn.", gates, OWN + feeds * HIDDEN, single=feeds)
    return {name: one.astype(np.float32) for name, one in made.items()}


def answers_of_opennmt(t: Tensors, feeds: bool) -> tuple[Array, Array]:
    rows, h, c = encoded(t, "encoder.embeddings.make_embedding.emb_luts.0.weight", "encoder.rnn.")
    s, said, looked = np.zeros(HIDDEN), [], []
    for token in ANSWERED:
        own = t["decoder.embeddings.make_embedding.emb_luts.0.weight"][token]
        h, c = step(t, "decoder.rnn.", np.concatenate([own, s]) if feeds else own, h, c, single=feeds)
        if "decoder.attn.v.weight" in t:
            asked = t["decoder.attn.linear_query.weight"] @ h + t["decoder.attn.linear_query.bias"]
            scores = np.tanh(asked + rows @ t["decoder.attn.linear_context.weight"].T) @ t["decoder.attn.v.weight"][0]
        elif "decoder.attn.linear_in.weight" in t:
            scores = rows @ (t["decoder.attn.linear_in.weight"] @ h)
        else:
            scores = rows @ h
        a = softmax(scores)
        s = t["decoder.attn.linear_out.weight"] @ np.concatenate([a @ rows, h]) + t.get(
            "decoder.attn.linear_out.bias", 0
        )
        s = s if "decoder.attn.v.weight" in t else np.tanh(s)
        said.append(softmax(t["generator.0.weight"] @ s + t["generator.0.bias"]))
        looked.append(a)
    return np.array(said), np.array(looked)


def written(tensors: Tensors, folder: Path) -> Path:
    path = folder / "pair.safetensors"
    save_file({name: np.ascontiguousarray(one) for name, one in tensors.items()}, path)
    return path


def tape(network: Network) -> str:
    return " ".join([*map(str, ASKED), *(f"a{n}" for n in ANSWERED)])


def check(path: Path, said: Array, looked: Array, **more: Any) -> Network:
    network = open_file(path, ImportOptions(**more)).network
    trace = lstm_tui.trace(tape(network), model=network)
    assert trace.output is not None
    made = np.asarray(trace.output, np.float64)[len(ASKED) :]
    assert np.abs(made[:, READ:] - said).max() < 1e-5
    assert made[:, :READ].max() < 1e-30, "what is only read is never said"
    a = np.asarray(trace["layer1.forward"]["a"], np.float64)[len(ASKED) :]
    assert np.abs(a[:, : len(ASKED)] - looked).max() < 1e-5
    assert a[:, len(ASKED) :].max(initial=0) < 1e-30
    return network


@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 5))])
def test_the_tutorials_pair_answers_as_written(seed: int, tmp_path: Path) -> None:
    tensors = tutorial(seed)
    network = check(written(tensors, tmp_path), *answers_of_tutorial(tensors))
    facts = {fact.key: fact for fact in open_file(written(tensors, tmp_path)).report.facts}
    assert facts["layer1.attention"].value == "additive scores, before the step"
    assert {facts[key].how for key in ("layer1.joined", "layer1.begins", "answers.begin")} == {"assumed"}
    assert not open_file(written(tensors, tmp_path)).report.unused
    assert network.answers is not None


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("score", ["general", "dot", "additive"])
@pytest.mark.parametrize("feeds", [False, True])
def test_a_pair_of_opennmt_answers_as_written(cell: str, score: str, feeds: bool, tmp_path: Path) -> None:
    tensors = opennmt(3, cell, score, feeds)
    check(written(tensors, tmp_path), *answers_of_opennmt(tensors, feeds))


def test_its_own_answer_is_read_back(tmp_path: Path) -> None:
    tensors = tutorial(0)
    network = open_file(written(tensors, tmp_path), ImportOptions({"answers.most": "5"})).network
    made = read_as(" ".join(map(str, ASKED)), network)
    assert len(ASKED) + 2 <= len(made) <= len(ASKED) + 6
    assert made.tokens[len(ASKED)] == "a0"
    trace = lstm_tui.trace(" ".join(made.tokens), model=network)
    assert trace.output is not None
    for t in range(len(ASKED), len(made) - 1):
        assert made.tokens[t + 1] == network.classes[int(trace.output[t].argmax())]


def changed(make: Callable[[Tensors], None]) -> Tensors:
    tensors = tutorial(1)
    make(tensors)
    return tensors


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda t: t.pop("decoder.out.weight"), r"0 tensors are 7×6"),
        (lambda t: t.pop("decoder.embedding.weight"), r"the decoder has 0 tables of ids, and one is needed"),
        (lambda t: t.update({"decoder.attention.Wa.weight": np.zeros((6, 5), np.float32)}), r"Wa\.weight is 6×5"),
        (lambda t: t.update({"decoder.gru.weight_ih_l0": np.zeros((18, 9), np.float32)}), r"reads 9 numbers"),
        (lambda t: t.pop("decoder.attention.Ua.weight"), r"Ua\.weight is missing"),
    ],
)
def test_a_pair_that_lacks_a_part_is_refused_by_its_name(make: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says):
        open_file(written(changed(make), tmp_path))


def test_a_decoder_that_reads_both_ways_is_left_to_the_other_ways_and_attention_is_named(tmp_path: Path) -> None:
    tensors = tutorial(2)
    tensors |= {f"{name}_reverse": one for name, one in tensors.items() if name.startswith("decoder.gru.")}
    report = open_file(written(tensors, tmp_path), ImportOptions(network="decoder.gru")).report
    assert "decoder.attention.Wa.weight" in report.unused
    assert any("looks like attention, which is not run" in one for one in report.warnings)


def deep(seed: int, cell: str, layers: int, both: bool, score: str, above: int) -> Tensors:
    """Return a pair whose encoder has layers, and reads both ways with half the units where it is said.

    Args:
        seed: Of its numbers.
        cell: gru or lstm.
        layers: Of the encoder.
        both: Whether it reads both ways.
        score: general (after the step, OpenNMT), joined (before it, over state and token) or tutorial.
        above: Layers of the decoder.
    """
    rng, gates, own = np.random.default_rng(seed), 3 if cell == "gru" else 4, HIDDEN // (1 + both)
    made: Tensors = {"encoder.embedding.weight": rng.normal(0, 1, (READ, WIDTH)),
                     "decoder.embedding.weight": rng.normal(0, 1, (SAID, OWN)),
                     "decoder.out.bias": rng.normal(0, 1, SAID)}  # fmt: skip

    def module(prefix: str, count: int, reads: int, hidden: int, ways: tuple[str, ...]) -> None:
        for n in range(count):
            for way in ways:
                for kind, shape in (("weight_ih", (gates * hidden, reads if n == 0 else hidden * len(ways))),
                                    ("weight_hh", (gates * hidden, hidden)),
                                    ("bias_ih", (gates * hidden,)), ("bias_hh", (gates * hidden,))):  # fmt: skip
                    made[f"{prefix}{kind}_l{n}{way}"] = rng.normal(0, 0.6, shape)

    module("encoder.rnn.", layers, WIDTH, own, ("", "_reverse") if both else ("",))
    module("decoder.rnn.", above, OWN + (score != "general") * HIDDEN, HIDDEN, ("",))
    width = HIDDEN
    if score == "general":
        made["decoder.attn.linear_in.weight"] = rng.normal(0, 0.5, (HIDDEN, HIDDEN))
        made["decoder.attn.linear_out.weight"] = rng.normal(0, 0.5, (HIDDEN, 2 * HIDDEN))
    elif score == "tutorial":
        for name, shape in (("Wa", (HIDDEN, HIDDEN)), ("Ua", (HIDDEN, HIDDEN)), ("Va", (1, HIDDEN))):
            made[f"decoder.attention.{name}.weight"] = rng.normal(0, 0.7, shape)
    else:
        made["decoder.attention.attn.weight"] = rng.normal(0, 0.7, (5, 2 * HIDDEN))
        made["decoder.attention.attn.bias"] = rng.normal(0, 0.7, 5)
        made["decoder.attention.v.weight"] = rng.normal(0, 0.7, (1, 5))
        made["encoder.fc.weight"] = rng.normal(0, 0.7, (HIDDEN, HIDDEN))
        made["encoder.fc.bias"] = rng.normal(0, 0.7, HIDDEN)
        width = 2 * HIDDEN + OWN
    made["decoder.out.weight"] = rng.normal(0, 1, (SAID, width))
    return {name: one.astype(np.float32) for name, one in made.items()}


def step_of(t: Tensors, prefix: str, end: str, x: Array, h: Array, c: Array) -> tuple[Array, Array]:
    """Return the states after one step of a layer of any size."""
    of_x = t[f"{prefix}weight_ih_{end}"] @ x + t[f"{prefix}bias_ih_{end}"]
    of_h = t[f"{prefix}weight_hh_{end}"] @ h + t[f"{prefix}bias_hh_{end}"]
    if len(of_x) == 3 * len(h):
        (r, z, n), (r_, z_, n_) = np.split(of_x, 3), np.split(of_h, 3)
        r, z = sigmoid(r + r_), sigmoid(z + z_)
        return (1 - z) * np.tanh(n + r * n_) + z * h, c
    i, f, g, o = np.split(of_x + of_h, 4)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def answers_of_deep(t: Tensors, layers: int, both: bool, above: int) -> tuple[Array, Array]:
    rows = t["encoder.embedding.weight"][list(ASKED)].astype(np.float64)
    size, ends = HIDDEN // (1 + both), []
    for n in range(layers):
        passes, last = [], []
        for end in (f"l{n}", f"l{n}_reverse")[: 1 + both]:
            h, c, out = np.zeros(size), np.zeros(size), []
            for x in rows[::-1] if end.endswith("reverse") else rows:
                h, c = step_of(t, "encoder.rnn.", end, x, h, c)
                out.append(h)
            passes.append(np.array(out[::-1] if end.endswith("reverse") else out))
            last.append((h, c))
        rows = np.concatenate(passes, axis=1)
        ends.append(tuple(np.concatenate([one[k] for one in last]) for k in (0, 1)))
    states = [list(one) for one in ends[layers - above :]]
    if "encoder.fc.weight" in t:
        states[0][0] = np.tanh(t["encoder.fc.weight"] @ states[0][0] + t["encoder.fc.bias"])
    said, looked = [], []
    for token in ANSWERED:
        x = own = t["decoder.embedding.weight"][token].astype(np.float64)
        if "decoder.attn.linear_in.weight" not in t:
            h = states[0][0]
            if "decoder.attention.Wa.weight" in t:
                asked = t["decoder.attention.Wa.weight"] @ h
                a = softmax(
                    np.tanh(asked + rows @ t["decoder.attention.Ua.weight"].T) @ t["decoder.attention.Va.weight"][0]
                )
            else:
                joined = np.array([np.concatenate([h, row]) for row in rows])
                match = np.tanh(joined @ t["decoder.attention.attn.weight"].T + t["decoder.attention.attn.bias"])
                a = softmax(match @ t["decoder.attention.v.weight"][0])
            x = np.concatenate([x, a @ rows])
        for n in range(above):
            states[n] = list(step_of(t, "decoder.rnn.", f"l{n}", x, *states[n]))
            x = states[n][0]
        if "decoder.attn.linear_in.weight" in t:
            a = softmax(rows @ (t["decoder.attn.linear_in.weight"] @ x))
            x = np.tanh(t["decoder.attn.linear_out.weight"] @ np.concatenate([a @ rows, x]))
        elif "decoder.attention.attn.weight" in t:
            x = np.concatenate([x, a @ rows, own])
        said.append(softmax(t["decoder.out.weight"] @ x + t["decoder.out.bias"]))
        looked.append(a)
    return np.array(said), np.array(looked)


@pytest.mark.parametrize(
    ("cell", "layers", "both", "score", "above"),
    [
        ("lstm", 2, True, "general", 2),
        ("gru", 1, True, "joined", 1),
        ("gru", 2, True, "tutorial", 1),
        ("lstm", 3, False, "general", 3),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in (
                ("gru", 1, True, "general", 1),
                ("gru", 3, True, "general", 3),
                ("gru", 2, False, "general", 2),
                ("gru", 2, False, "tutorial", 1),
                ("gru", 2, False, "joined", 1),
                ("gru", 2, True, "joined", 1),
                ("lstm", 1, True, "tutorial", 1),
                ("lstm", 1, True, "general", 1),
                ("lstm", 2, True, "tutorial", 1),
                ("lstm", 2, False, "general", 1),
            )
        ),
    ],
)
def test_an_encoder_of_several_layers_and_ways_answers_as_written(
    cell: str, layers: int, both: bool, score: str, above: int, tmp_path: Path
) -> None:
    tensors = deep(5, cell, layers, both, score, above)
    path = written(tensors, tmp_path)
    network = open_file(path).network
    report = open_file(path).report
    assert not report.unused
    begins = next(fact.value for fact in report.facts if fact.key.endswith(".begins"))
    assert begins.endswith(f", of its layer {layers - above}") == (layers > above), "it begins with the upper ones"
    assert any(LOOKS_BY[score] in f"{fact.value} ({fact.why})" for fact in report.facts), "how it looks is told"
    said, looked = answers_of_deep(tensors, layers, both, above)
    trace = lstm_tui.trace(tape(network), model=network)
    assert trace.output is not None
    assert np.abs(np.asarray(trace.output, np.float64)[len(ASKED) :, READ:] - said).max() < 1e-5
    a = np.asarray(trace[f"layer{layers + above - 1}.forward"]["a"], np.float64)[len(ASKED) :]
    assert np.abs(a[:, : len(ASKED)] - looked).max() < 1e-5


@pytest.mark.parametrize(
    ("score", "says"),
    [("tutorial", "the lowest reads what is looked at by the state"), ("joined", "the lowest reads what is looked at")],
)
def test_a_decoder_whose_lowest_layer_reads_what_the_top_one_gives_is_refused(
    score: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=says):
        open_file(written(deep(6, "gru", 2, False, score, 2), tmp_path))


@pytest.mark.slow
def test_a_pair_of_torch_answers_as_torch_does(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tensors = tutorial(4)
    encoder, decoder = (
        torch.nn.GRU(WIDTH, HIDDEN, batch_first=True),
        torch.nn.GRU(OWN + HIDDEN, HIDDEN, batch_first=True),
    )
    for module, prefix in ((encoder, "encoder.gru."), (decoder, "decoder.gru.")):
        module.load_state_dict({key: torch.tensor(tensors[prefix + key]) for key in module.state_dict()})
    t = {name: torch.tensor(one) for name, one in tensors.items()}
    rows, h = encoder(t["encoder.embedding.weight"][list(ASKED)][None])
    said, looked = [], []
    for token in ANSWERED:
        linear = torch.nn.functional.linear
        parts = {
            name: (t[f"decoder.attention.{name}.weight"], t[f"decoder.attention.{name}.bias"])
            for name in ("Wa", "Ua", "Va")
        }
        scores = linear(torch.tanh(linear(h[0][:, None], *parts["Wa"]) + linear(rows, *parts["Ua"])), *parts["Va"])
        a = torch.softmax(scores[..., 0], -1)
        context = torch.bmm(a[:, None], rows)
        out, h = decoder(torch.cat([t["decoder.embedding.weight"][token][None, None], context], 2), h)
        said.append(torch.softmax(linear(out[0, 0], t["decoder.out.weight"], t["decoder.out.bias"]), -1))
        looked.append(a[0])
    path = tmp_path / "pair.pt"
    torch.save({"encoder": {k[8:]: t[k] for k in t if k.startswith("encoder.")},
                "decoder": {k[8:]: t[k] for k in t if k.startswith("decoder.")}}, path)  # fmt: skip
    check(path, np.array([one.detach().numpy() for one in said]), np.array([one.detach().numpy() for one in looked]))


def test_a_bridge_for_one_state_begins_no_lstm(tmp_path: Path) -> None:
    tensors = deep(5, "lstm", 1, False, "tutorial", 1) | {
        "encoder.fc.weight": np.ones((HIDDEN, HIDDEN), np.float32), "encoder.fc.bias": np.ones(HIDDEN, np.float32)
    }  # fmt: skip
    with pytest.raises(UserError, match=r"encoder\.fc\.weight makes one state, and a decoder of LSTM has two"):
        open_file(written(tensors, tmp_path))


@pytest.mark.parametrize("key", ["places", "answers.begin", "answers.end", "answers.most"])
@pytest.mark.parametrize("text", ["-1", "x", "5000"])
def test_where_an_answer_begins_and_ends_is_a_number_that_there_is(key: str, text: str, tmp_path: Path) -> None:
    below = SAID if key in ("answers.begin", "answers.end") else 4096
    with pytest.raises(UserError, match=f"--set {key}={text} is no number below {below}"):
        open_file(written(tutorial(1), tmp_path), ImportOptions({key: text}))
