"""Makes the files in `vectors/`: what other frameworks compute, frozen, so that the tests need none of them.

    python -m venv frozen && frozen/bin/pip install torch==2.13.0 onnx onnxruntime keras torchrecurrent==0.2.5
    frozen/bin/python tests/cells/freeze_frameworks.py

A file holds `about` (JSON) and one array `data`, cut up by the `shapes` in it (see `vectors.py`): a network
(`spec`, and `tensor/…` by our names), what each sequence `n` reads (`x/n`, `initial/n/…`) and what must come of it:
`y/n` the top merge, `series/n/…` a value of the readout, `last/n/…` a state after the last step of its pass;
`ignored/…` are parameters that the framework carries and does not use. All weights, biases and peepholes are random
and none is 0: with fresh biases, a padded step can be invisible.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import onnx
import onnxruntime
import torch
import torchrecurrent
from onnx import TensorProto, helper

FOLDER = Path(__file__).parent / "vectors"
CELLS = Path(__file__).parents[2] / "lstm_tui/engine/cells"
STRANGERS = Path(__file__).parent / "strangers"
STEPS, INPUTS, UNITS, PROJECTED = 6, 3, 4, 2
LENGTHS = (6, 4, 1)
RANDOM = np.random.default_rng(20)
BOTH = ("forward", "backward")
Tensors = dict[str, Any]


def noise(*shape: int) -> Any:
    """Return numbers in ±0.9, none near 0."""
    return np.asarray(RANDOM.uniform(0.05, 0.9, shape) * RANDOM.choice([-1.0, 1.0], shape))


def save(
    name: str,
    made_by: str,
    cell: str,
    tensors: Tensors,
    wanted: Tensors,
    layers: int = 1,
    directions: Sequence[str] = ("forward",),
    merge: str = "concat",
    sizes: Mapping[str, int] = {},
    without: Sequence[str] = (),
    text: str | None = None,
    readout: str | None = None,
    exact: bool = True,
    inputs: int = INPUTS,
) -> None:
    """Write one file; `exact` says that all of it was computed in float64."""
    layer = {"cell": cell, "hidden_size": UNITS, "directions": list(directions), "merge": merge}
    layer |= {"sizes": dict(sizes), "without": list(without)}
    spec: dict[str, Any] = {"version": 1, "name": name, "input_size": inputs, "layers": [layer] * layers, "outputs": 2}
    spec |= {"readout": readout} if readout else {}
    spec |= {"cells": {cell: text}} if text else {}
    arrays = {f"tensor/{key}": np.asarray(value) for key, value in tensors.items()}
    arrays |= {key: np.asarray(value) for key, value in wanted.items()}
    shapes = {key: list(value.shape) for key, value in arrays.items()}
    about = json.dumps({"made_by": made_by, "exact": exact, "spec": spec, "shapes": shapes})
    np.savez_compressed(FOLDER / name, about=about, data=np.concatenate([one.ravel() for one in arrays.values()]))
    print(f"{name}: {(FOLDER / f'{name}.npz').stat().st_size} bytes")


def gates(letters: str, packed: Any, prefix: str) -> Tensors:
    """Split packed rows (g·H, …) into one array a gate, `W_f` and so on."""
    return {f"{prefix}_{gate}": part for gate, part in zip(letters, np.split(packed, len(letters)), strict=True)}


def numbers(tensor: torch.Tensor) -> Any:
    return tensor.detach().numpy()


# --- PyTorch --------------------------------------------------------------------------------------------


def torch_pass(kind: str, module: Any, layer: int, reverse: bool) -> Tensors:
    """Return one direction of one layer of a PyTorch module by our names."""
    end = f"_l{layer}{'_reverse' if reverse else ''}"
    letters = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}[kind]
    result = gates(letters, numbers(getattr(module, f"weight_ih{end}")), "W")
    result |= gates(letters, numbers(getattr(module, f"weight_hh{end}")), "U")
    if module.bias:
        ours, theirs = numbers(getattr(module, f"bias_ih{end}")), numbers(getattr(module, f"bias_hh{end}"))
        result |= gates(letters, ours + theirs, "b")
        if kind == "gru":  # the only pair that cannot be added: the reset gate stands between them
            result["b_n"], result["c_n"] = ours[2 * UNITS :], theirs[2 * UNITS :]
    if getattr(module, "proj_size", 0):
        result["U_p"] = numbers(getattr(module, f"weight_hr{end}"))
    return result


def torch_case(name: str, cell: str, kind: str, module: Any, lengths: Sequence[int], **more: Any) -> None:
    module = module.double()
    for parameter in module.parameters():
        parameter.data = torch.from_numpy(noise(*parameter.shape))
    directions = BOTH if module.bidirectional else BOTH[:1]
    passes = [(layer, way) for layer in range(module.num_layers) for way in range(len(directions))]
    tensors: Tensors = {}
    for layer, way in passes:
        for key, value in torch_pass(kind, module, layer, way == 1).items():
            tensors[f"layer{layer}.{directions[way]}/{key}"] = value
    x = torch.from_numpy(noise(len(lengths), STEPS, INPUTS))
    hidden = getattr(module, "proj_size", 0) or UNITS
    states = [("h", torch.from_numpy(noise(len(passes), len(lengths), hidden)))]
    states += [("c", torch.from_numpy(noise(len(passes), len(lengths), UNITS)))] if kind == "lstm" else []
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, torch.tensor(lengths), batch_first=True)
    start = tuple(state for _, state in states)
    out, last = module(packed, start if kind == "lstm" else start[0])
    y = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True)[0]
    last = last if kind == "lstm" else (last,)
    wanted: Tensors = {}
    for n, length in enumerate(lengths):
        wanted |= {f"x/{n}": x[n, :length], f"y/{n}": numbers(y[n, :length])}
        for (state, first), final in zip(states, last, strict=True):
            for number, (layer, way) in enumerate(passes):
                where = f"{n}/layer{layer}.{directions[way]}/{state}"
                wanted |= {f"initial/{where}": first[number, n], f"last/{where}": numbers(final[number, n])}
    save(name, f"torch {torch.__version__}", cell, tensors, wanted, module.num_layers, directions, **more)


def make_torch() -> None:
    deep = {"num_layers": 2, "bidirectional": True, "batch_first": True}
    one = {"batch_first": True}
    torch_case("torch_lstm", "lstm", "lstm", torch.nn.LSTM(INPUTS, UNITS, **deep), LENGTHS)
    biases = [f"b_{gate}" for gate in "figo"]
    torch_case(
        "torch_lstm_without_bias",
        "lstm",
        "lstm",
        torch.nn.LSTM(INPUTS, UNITS, bias=False, **one),
        LENGTHS[:1],
        without=biases,
    )
    projected = torch.nn.LSTM(INPUTS, UNITS, proj_size=PROJECTED, **deep)
    torch_case("torch_lstm_projected", "lstm_projected", "lstm", projected, LENGTHS[:2], sizes={"P": PROJECTED})
    torch_case("torch_gru", "gru", "gru", torch.nn.GRU(INPUTS, UNITS, **deep), LENGTHS)
    torch_case("torch_rnn_tanh", "rnn", "rnn", torch.nn.RNN(INPUTS, UNITS, **deep), LENGTHS)
    torch_case(
        "torch_rnn_relu", "rnn_relu", "rnn", torch.nn.RNN(INPUTS, UNITS, nonlinearity="relu", **deep), LENGTHS[:2]
    )


# --- onnxruntime ----------------------------------------------------------------------------------------


def onnx_case(
    name: str,
    op: str,
    cell: str,
    direction: str = "bidirectional",
    peepholes: bool = False,
    text: str | None = None,
    **attributes: Any,
) -> None:
    """Run one recurrent node of ONNX over sequences of several lengths."""
    directions = {"forward": BOTH[:1], "reverse": BOTH[1:], "bidirectional": BOTH}[direction]
    letters = {"LSTM": "iofg", "GRU": "zrn", "RNN": "h"}[op]
    ways, count, batch = len(directions), len(letters), len(LENGTHS)
    feed = {
        "X": noise(STEPS, batch, INPUTS),
        "W": noise(ways, count * UNITS, INPUTS),
        "R": noise(ways, count * UNITS, UNITS),
    }
    feed |= {"B": noise(ways, 2 * count * UNITS), "initial_h": noise(ways, batch, UNITS)}
    feed |= {"initial_c": noise(ways, batch, UNITS)} if op == "LSTM" else {}
    feed |= {"P": noise(ways, 3 * UNITS)} if peepholes else {}
    feed = {key: value.astype(np.float32) for key, value in feed.items()}
    names = ["X", "W", "R", "B", "sequence_lens", "initial_h"] + (["initial_c"] if op == "LSTM" else [])
    names += ["P"] if peepholes else []
    outputs = ["Y", "Y_h"] + (["Y_c"] if op == "LSTM" else [])
    node = helper.make_node(op, names, outputs, hidden_size=UNITS, direction=direction, **attributes)
    inputs = [helper.make_tensor_value_info(key, TensorProto.FLOAT, value.shape) for key, value in feed.items()]
    inputs.append(helper.make_tensor_value_info("sequence_lens", TensorProto.INT32, [batch]))
    results = [helper.make_tensor_value_info(key, TensorProto.FLOAT, None) for key in outputs]
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, results), opset_imports=[helper.make_opsetid("", 17)]
    )
    model.ir_version = 9
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed["sequence_lens"] = np.array(LENGTHS, np.int32)
    y, *last = session.run(None, feed)

    tensors: Tensors = {}
    wanted: Tensors = {}
    for way, one in enumerate(directions):
        ours, theirs = np.split(feed["B"][way], 2)  # added in float32, as the kernel does
        found = gates(letters, feed["W"][way], "W") | gates(letters, feed["R"][way], "U")
        found |= gates(letters, ours + theirs, "b")
        if cell == "gru":
            found["b_n"], found["c_n"] = ours[2 * UNITS :], theirs[2 * UNITS :]
        found |= gates("iof", feed["P"][way], "p") if peepholes else {}
        unused = ("W_f", "U_f", "b_f", "p_f") if attributes.get("input_forget") else ()
        wanted |= {f"ignored/layer0.{one}/{key}": found.pop(key) for key in unused if key in found}
        tensors |= {f"layer0.{one}/{key}": value for key, value in found.items()}
        for n in range(batch):
            for state, final in zip("hc", last, strict=False):
                where = f"{n}/layer0.{one}/{state}"
                wanted |= {f"initial/{where}": feed[f"initial_{state}"][way, n], f"last/{where}": final[way, n]}
    for n, length in enumerate(LENGTHS):
        wanted |= {f"x/{n}": feed["X"][:length, n], f"y/{n}": np.concatenate(y[:length, :, n].swapaxes(0, 1), axis=1)}
    made_by = f"onnxruntime {onnxruntime.__version__}, onnx {onnx.__version__}"
    save(name, made_by, cell, tensors, wanted, directions=directions, text=text, exact=False)


def changed(cell: str, functions: str, old: str = "", new: str = "") -> str:
    """Return the text of a bundled cell with other activations, as a user would write it."""
    text = (CELLS / f"{cell}.toml").read_text().replace(old, new) if old else (CELLS / f"{cell}.toml").read_text()
    return text.replace("equations =", f"functions = {{ {functions} }}\nequations =")


def make_onnx() -> None:
    onnx_case("onnx_lstm", "LSTM", "lstm")
    onnx_case("onnx_lstm_reverse", "LSTM", "lstm", "reverse")
    onnx_case("onnx_lstm_peephole", "LSTM", "lstm_peephole", peepholes=True)
    onnx_case("onnx_lstm_input_forget", "LSTM", "greff_cifg", peepholes=True, input_forget=1)
    clip = 'sigmoid = "sigmoid(clip(a, -0.6, 0.6))", squash = "tanh(clip(a, -0.6, 0.6))"'
    clipped = changed("lstm_peephole", clip, "g = tanh(", "g = squash(")
    onnx_case("onnx_lstm_clip", "LSTM", "lstm_peephole", peepholes=True, clip=0.6, text=clipped)
    hard = changed("lstm", 'sigmoid = "clip(0.2 * a + 0.5, 0, 1)"')
    activations = ["HardSigmoid", "Tanh", "Tanh"] * 2
    onnx_case("onnx_lstm_hard_sigmoid", "LSTM", "lstm", text=hard, activations=activations)
    onnx_case("onnx_gru_after", "GRU", "gru", linear_before_reset=1)
    onnx_case("onnx_gru_before", "GRU", "gru_reset_before", linear_before_reset=0)
    onnx_case("onnx_gru_before_reverse", "GRU", "gru_reset_before", "reverse", linear_before_reset=0)
    onnx_case("onnx_rnn_tanh", "RNN", "rnn")
    onnx_case("onnx_rnn_relu", "RNN", "rnn_relu", activations=["Relu", "Relu"])


# --- Keras ----------------------------------------------------------------------------------------------


KERAS = f"keras {keras.__version__} on torch"
"""Its products are taken in float32 there even when all else is float64, so none of it is exact."""


def keras_pass(kind: str, weights: Sequence[Any]) -> Tensors:
    """Return one Keras layer by our names; its kernels are transposed."""
    letters = {"lstm": "ifgo", "gru": "zrn", "rnn": "h"}[kind]
    kernel, recurrent, bias = weights
    result = gates(letters, kernel.T, "W") | gates(letters, recurrent.T, "U")
    if kind == "gru" and bias.ndim == 2:
        result |= gates(letters, bias.sum(axis=0), "b")
        result["b_n"], result["c_n"] = bias[0, 2 * UNITS :], bias[1, 2 * UNITS :]
    else:
        result |= gates(letters, bias, "b")
    return result


def keras_case(
    name: str,
    cell: str,
    kind: str,
    layer: Any,
    merge: str | None = None,
    pad: str | None = None,
    text: str | None = None,
) -> None:
    """Run a Keras layer, or both directions of it, over padded and masked sequences."""
    lengths = LENGTHS if pad else (STEPS,)
    wrapped = keras.layers.Bidirectional(layer, merge_mode=merge) if merge else layer
    x = noise(len(lengths), STEPS, INPUTS)
    places = [slice(0, n) if pad != "left" else slice(STEPS - n, STEPS) for n in lengths]
    mask = np.zeros((len(lengths), STEPS), bool)
    for n, place in enumerate(places):
        mask[n, place] = True
    wrapped(x)
    wrapped.set_weights([noise(*one.shape) for one in wrapped.get_weights()])
    y = keras.ops.convert_to_numpy(wrapped(x, mask=mask if pad else None))
    directions = BOTH if merge else BOTH[:1]
    weights, tensors = wrapped.get_weights(), {}
    for way, one in enumerate(directions):
        for key, value in keras_pass(kind, weights[3 * way : 3 * way + 3]).items():
            tensors[f"layer0.{one}/{key}"] = value
    wanted: Tensors = {}
    readout = None if layer.return_sequences else "final"
    for n, place in enumerate(places):
        wanted[f"x/{n}"] = x[n, place]
        wanted |= {f"series/{n}/readout/q": y[n]} if readout else {f"y/{n}": y[n, place]}
    if readout:
        tensors |= {"readout/V_y": noise(2, 2 * UNITS), "readout/b_y": noise(2)}
    ours = {"ave": "average"}.get(merge, merge) if merge else "concat"
    more: dict[str, Any] = {"directions": directions, "merge": ours, "text": text, "readout": readout}
    save(name, KERAS, cell, tensors, wanted, **more, exact=False)


def make_keras() -> None:
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    layers = keras.layers
    series = {"return_sequences": True}
    keras_case("keras_rnn", "rnn", "rnn", layers.SimpleRNN(UNITS, **series))
    keras_case("keras_gru_after", "gru", "gru", layers.GRU(UNITS, reset_after=True, **series))
    keras_case("keras_gru_before", "gru_reset_before", "gru", layers.GRU(UNITS, reset_after=False, **series))
    keras_case("keras_concat", "lstm", "lstm", layers.LSTM(UNITS, **series), "concat")
    keras_case("keras_sum", "gru", "gru", layers.GRU(UNITS, **series), "sum")
    keras_case("keras_average", "lstm", "lstm", layers.LSTM(UNITS, **series), "ave")
    keras_case("keras_mul", "gru_reset_before", "gru", layers.GRU(UNITS, reset_after=False, **series), "mul")
    keras_case("keras_mask_right", "lstm", "lstm", layers.LSTM(UNITS, **series), "concat", "right")
    keras_case("keras_mask_left", "gru", "gru", layers.GRU(UNITS, **series), "concat", "left")
    keras_case("keras_final_states", "lstm", "lstm", layers.LSTM(UNITS), "concat", "right")
    hard = changed("lstm", 'sigmoid = "clip(a / 6 + 0.5, 0, 1)"')
    keras_case(
        "keras_hard_sigmoid",
        "lstm",
        "lstm",
        layers.LSTM(UNITS, recurrent_activation="hard_sigmoid", **series),
        text=hard,
    )
    attention("keras_attention_dot", layers.Attention(score_mode="dot"))
    attention("keras_attention_additive", layers.AdditiveAttention(use_scale=True))


def attention(name: str, layer: Any) -> None:
    """Attend over the states of a small RNN with the last one as the query."""
    rnn = keras.layers.SimpleRNN(UNITS, return_sequences=True)
    x = noise(1, STEPS, INPUTS)
    h = rnn(x)
    rnn.set_weights([noise(*one.shape) for one in rnn.get_weights()])
    h = rnn(x)
    layer([h[:, -1:], h])
    layer.set_weights([noise(*one.shape) for one in layer.get_weights()])
    z, a = layer([h[:, -1:], h], return_attention_scores=True)
    tensors = {f"layer0.forward/{key}": value for key, value in keras_pass("rnn", rnn.get_weights()).items()}
    tensors |= {"readout/V_y": noise(2, UNITS), "readout/b_y": noise(2)}
    if layer.get_weights():
        tensors |= {"readout/v_s": layer.get_weights()[0], "readout/A_q": np.eye(UNITS), "readout/A_h": np.eye(UNITS)}
    to_numpy = keras.ops.convert_to_numpy
    wanted = {"x/0": x[0], "series/0/readout/a": to_numpy(a)[0, 0][:, None], "series/0/readout/z": to_numpy(z)[0, 0]}
    save(name, KERAS, "rnn", tensors, wanted, readout=name.removeprefix("keras_"), exact=False)


# --- torchrecurrent -------------------------------------------------------------------------------------


def torchrecurrent_case(name: str, cell: str, module: Any, text: str | None = None, **rows: str) -> None:
    """Run a module of torchrecurrent; `rows` says what each of its parameters is made of, by our names."""
    module = module.double()
    for parameter in module.parameters():
        parameter.data = torch.from_numpy(noise(*parameter.shape))
    tensors: Tensors = {}
    for layer, theirs in enumerate(module.cells):
        if cell == "mut1_projected":
            theirs.bias_ih.data[2 * UNITS :] = 0  # it stands inside the inner tanh, where the paper has nothing
        for parameter, names in rows.items():
            packed = numbers(getattr(theirs, parameter))
            parts = np.split(packed if packed.ndim else packed[None], len(names.split()))
            for key, part in zip(names.split(), parts, strict=True):
                where = f"layer{layer}.forward/{key}"
                tensors[where] = tensors[where] + part if where in tensors else part
    inputs = module.cells[0].input_size
    x = torch.from_numpy(noise(STEPS, 1, inputs))
    wanted = {"x/0": x[:, 0], "y/0": numbers(module(x)[0][:, 0])}
    layers = len(module.cells)
    save(name, "torchrecurrent 0.2.5", cell, tensors, wanted, layers=layers, text=text, inputs=inputs)


def same(inner: str, recurrent: str | None = None) -> dict[str, str]:
    """Return the rows of a module whose packed gates have these letters."""
    past = inner if recurrent is None else recurrent
    return {
        "weight_ih": " ".join(f"W_{gate}" for gate in inner),
        "bias_ih": " ".join(f"b_{gate}" for gate in inner),
        "weight_hh": " ".join(f"U_{gate}" for gate in past),
        "bias_hh": " ".join(f"b_{gate}" for gate in past),
    }


def make_torchrecurrent() -> None:
    lib, size = torchrecurrent, (INPUTS, UNITS, 2)
    peepholes = {**same("ifgo"), "weight_ph": "p_i p_f p_o"}
    torchrecurrent_case("torchrecurrent_peephole", "lstm_peephole", lib.PeepholeLSTM(*size), **peepholes)
    torchrecurrent_case("torchrecurrent_mut1", "mut1_projected", lib.MUT1(*size), **same("zrh", "rh"))
    torchrecurrent_case("torchrecurrent_mut2", "mut2_projected", lib.MUT2(*size), **same("zrh"))
    torchrecurrent_case("torchrecurrent_mut3", "mut3", lib.MUT3(*size), **same("zrh"))
    torchrecurrent_case("torchrecurrent_mgu", "minimal_gated", lib.MGU(*size), **same("fn"))
    own = {"weight_ih": "W_h", "bias_ih": "b_h", "bias_hh": "b_h", "vector_u": "u_h"}
    torchrecurrent_case("torchrecurrent_indrnn", "indrnn", lib.IndRNN(*size, nonlinearity="relu"), **own)
    first = (CELLS / "lstm_1997.toml").read_text()
    first = first.replace("4 * sigmoid(W_g @ x + U_g @ h + b_g) - 2", "tanh(W_g @ x + U_g @ h + b_g)")
    first = first.replace("o * (2 * sigmoid(c) - 1)", "o * tanh(c)")
    torchrecurrent_case("torchrecurrent_original", "lstm_1997", lib.OriginalLSTM(*size), first, **same("igo"))


def stranger(cell: str, module: Any, **rows: str) -> None:
    """Run what the file of that name in `strangers/` says."""
    torchrecurrent_case(f"stranger_{cell}", cell, module, (STRANGERS / f"{cell}.toml").read_text(), **rows)


def make_strangers() -> None:
    lib, size = torchrecurrent, (INPUTS, UNITS, 2)
    stranger("janet", lib.JANET(*size), **same("fg"), beta="k_d")
    stranger("chaos_free", lib.CFN(*size), **same("fih", "fi"))
    gates_only = {**same("gif", "if"), "bias_ih": "b_i b_f"}
    stranger("additive", lib.RAN(*size), **gates_only)
    meeting = {**same("mifgo"), "weight_hh": "U_m", "bias_hh": "c_m"}
    meeting |= {"weight_mh": "U_i U_f U_g U_o", "bias_mh": "b_i b_f b_g b_o"}
    stranger("multiplicative_lstm", lib.MultiplicativeLSTM(*size), **meeting)
    slow = {**same("abzy", "abz"), "weight_ch": "V_y", "bias_ch": "b_y"}
    stranger("long_expressive_memory", lib.LEM(*size, dt=0.5), **slow)
    stranger("oscillators", lib.coRNN(*size), **same("v"), weight_ch="V_v", bias_ch="b_v")
    loops = {**same("azh", "az"), "weight_hh": "u_a u_z"}
    stranger("bistable", lib.BR(*size), **loops)
    stranger("addition_subtraction", lib.ATR(*size), **{**same("h"), "bias_hh": "c_h"})
    context = {**same("cz", "zh"), "weight_ch": "C_z C_h", "bias_ch": "b_z b_h", "alpha": "k_a"}
    stranger("context_units", lib.SCRN(*size), **context)
    around = {**same("ifgo"), "weight_ph": "p_i p_f p_o", "weight_proj": "V_h", "weight_res": "W_h"}
    stranger("residual_lstm", lib.ResLSTM(*size), **around)
    stranger("fast_rnn", lib.FastRNN(*size), **same("h"), alpha="k_a", beta="k_b")
    stranger("stackable", lib.STAR(*size), **same("nk", "k"))
    stranger("intersection", lib.IntersectionRNN(UNITS, UNITS, 2), **same("dnsz"))


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    make_torch()
    make_onnx()
    make_keras()
    make_torchrecurrent()
    make_strangers()
