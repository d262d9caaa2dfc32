"""The same recurrent network in other frameworks: torch, onnxruntime, OpenVINO and JAX, those that are installed.

Each takes (T, I) of one sequence and returns the output of the last layer, (T, n), on as many threads as it likes, or
by one where `use_one_thread` was called before the first of them was made.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, Pass

try:
    import torch
except ImportError:
    torch = None
try:
    import onnx
    import onnxruntime
except ImportError:
    onnxruntime = None
try:
    import openvino
except ImportError:
    openvino = None
try:
    import jax
except ImportError:
    jax = None

__all__ = ["absent", "contestants", "torch", "torch_network", "use_one_thread"]
Run = Callable[[], Any]
_TORCH_ORDER = {"lstm": "ifgo", "lstm_projected": "ifgo", "gru": "rzn"}
_ONNX_ORDER = {"lstm": "iofg", "lstm_peephole": "iofg", "gru": "zrn"}
_threads = {"each": 0}  # 0: what each takes by itself


def use_one_thread() -> None:
    """Have each of them compute in one thread from here on."""
    _threads["each"] = 1
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    if torch is not None:
        torch.set_num_threads(1)


def absent() -> list[str]:
    """Return which of them are not installed."""
    found = {"torch": torch, "onnxruntime": onnxruntime, "OpenVINO": openvino, "JAX": jax}
    return [name for name, module in found.items() if module is None]


def contestants(network: Network, x: Array) -> Iterator[tuple[str, Run, Callable[[], Array]]]:
    """Yield the name of each that has such a network, what is timed, and how its output (T, n) is had."""
    cell = network.passes[0].cell.name
    if torch is not None and cell in _TORCH_ORDER:
        made, given = torch_network(network), torch.from_numpy(x)[:, None]

        def framework() -> Any:
            with torch.inference_mode():
                return made(given)[0]

        yield "torch", framework, lambda: np.asarray(framework()[:, 0].numpy())
    if onnxruntime is not None and cell in _ONNX_ORDER:
        text, feed = _onnx_model(network, len(x)), {"x": x[:, None]}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = _threads["each"]
        session = onnxruntime.InferenceSession(text, options, providers=["CPUExecutionProvider"])
        yield "onnxruntime", lambda: session.run(None, feed), lambda: _in_rows(session.run(None, feed)[0])
        if openvino is not None and cell != "lstm_peephole":  # it leaves peepholes out, and says nothing
            core: Any = openvino.Core()
            how: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32"}
            if _threads["each"]:
                how["INFERENCE_NUM_THREADS"] = _threads["each"]
            request = core.compile_model(core.read_model(io.BytesIO(text)), "CPU", how).create_infer_request()
            yield "openvino", lambda: request.infer(feed), lambda: _in_rows(np.array(request.infer(feed)[0]))
    if jax is not None:
        step, on_device = _jax_network(network), jax.numpy.asarray(x)
        yield "jax", lambda: step(on_device).block_until_ready(), lambda: np.asarray(step(on_device))


def _in_rows(y: Array) -> Array:
    """Return what ONNX gives, (T, directions, 1, n), as (T, directions * n)."""
    return y.reshape(len(y), -1)


def _stacked(one: Pass, letter: str, order: str) -> Array:
    """Return the parameters of one letter of all gates, one behind the other; 0 where one is not there."""
    shape = next(p.shape for name, p in one.program.parameters.items() if name.startswith(f"{letter}_"))
    pieces = []
    for gate in order:
        name = f"{letter}_{gate}"
        there = name in one.program.parameters
        pieces.append(one.program.view(one.flat, name) if there else np.zeros(shape, one.flat.dtype))
    return np.concatenate(pieces)


def torch_network(network: Network) -> Any:
    """Return the network of PyTorch."""
    first = network.passes[0]
    cell, hidden = first.cell.name, first.program.hidden_size
    order = _TORCH_ORDER[cell]
    kind = torch.nn.GRU if cell == "gru" else torch.nn.LSTM
    more = {"proj_size": first.output_size} if cell == "lstm_projected" else {}
    both = len(network.layers[0].passes) > 1
    made = kind(network.input_size, hidden, len(network.layers), bidirectional=both, **more)
    with torch.no_grad():
        for number, layer in enumerate(network.layers):
            for one in layer.passes:
                end = f"_l{number}" + ("_reverse" if one.direction == "backward" else "")
                for letter, name in (("W", "weight_ih"), ("U", "weight_hh"), ("b", "bias_ih")):
                    getattr(made, name + end).copy_(torch.from_numpy(_stacked(one, letter, order)))
                bias = _stacked(one, "c", order) if cell == "gru" else np.zeros(len(order) * hidden, np.float32)
                getattr(made, "bias_hh" + end).copy_(torch.from_numpy(bias))
                if more:
                    getattr(made, "weight_hr" + end).copy_(torch.from_numpy(one.program.view(one.flat, "U_p")))
    return made


def _onnx_model(network: Network, steps: int) -> bytes:
    """Return the network as ONNX has it."""
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    nodes, weights, source = [], [], "x"
    for number, layer in enumerate(network.layers):
        cell, hidden = layer.passes[0].cell.name, layer.passes[0].program.hidden_size
        order, more = _ONNX_ORDER[cell], {}
        names = [f"{kind}{number}" for kind in "WRB"]
        every: dict[str, list[Array]] = {name: [] for name in names}
        for one in layer.passes:
            bias = _stacked(one, "b", order)
            other = _stacked(one, "c", order) if cell == "gru" else np.zeros_like(bias)
            for name, array in zip(
                names,
                (_stacked(one, "W", order), _stacked(one, "U", order), np.concatenate([bias, other])),
                strict=True,
            ):
                every[name].append(array)
        weights += [tensor(np.stack(mine), name) for name, mine in every.items()]
        if cell == "gru":
            more["linear_before_reset"] = 1
        if cell == "lstm_peephole":
            peepholes = np.stack([_stacked(one, "p", "iof") for one in layer.passes])
            weights.append(tensor(peepholes, f"P{number}"))
            names += ["", "", "", f"P{number}"]
        direction = "bidirectional" if len(layer.passes) > 1 else "forward"
        kind = "GRU" if cell == "gru" else "LSTM"
        last = number == len(network.layers) - 1
        node = helper.make_node(
            kind, [source, *names], ["y" if last else f"y{number}"], hidden_size=hidden, direction=direction, **more
        )
        nodes.append(node)
        if not last:
            axes = f"axes{number}"
            weights.append(tensor(np.array([1]), axes))
            nodes.append(helper.make_node("Squeeze", [f"y{number}", axes], [f"x{number}"]))
            source = f"x{number}"
    kind = onnx.TensorProto.FLOAT
    last_layer = network.layers[-1]
    shape = [steps, len(last_layer.passes), 1, last_layer.passes[0].program.hidden_size]
    given = helper.make_tensor_value_info("x", kind, [steps, 1, network.input_size])
    graph = helper.make_graph(nodes, "made", [given], [helper.make_tensor_value_info("y", kind, shape)], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return bytes(made.SerializeToString())


def _jax_network(network: Network) -> Any:
    """Return a compiled function of JAX: the products of the inputs at once, the steps by `lax.scan`."""
    layers = [[_jax_pass(one) for one in layer.passes] for layer in network.layers]

    def run(x: Any) -> Any:
        for passes in layers:
            x = jax.numpy.concatenate([one(x) for one in passes], axis=1)
        return x

    return jax.jit(run)


def _jax_pass(one: Pass) -> Callable[[Any], Any]:
    jnp, cell, hidden = jax.numpy, one.cell.name, one.program.hidden_size
    order = "rzn" if cell == "gru" else "ifgo"
    w, u, b = (jnp.asarray(_stacked(one, letter, order).T) for letter in "WUb")
    backward = one.direction == "backward"
    named = {name: jnp.asarray(one.program.view(one.flat, name)) for name in one.program.parameters}

    def gru(h: Any, given: Any) -> Any:
        r, z, n = jnp.split(given, 3)
        from_h = jnp.split(h @ u, 3)
        r, z = jax.nn.sigmoid(r + from_h[0]), jax.nn.sigmoid(z + from_h[1])
        h = z * h + (1 - z) * jnp.tanh(n + r * (from_h[2] + named["c_n"]))
        return h, h

    def lstm(state: Any, given: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(given + h @ u, 4)
        if cell == "lstm_peephole":
            i, f = i + named["p_i"] * c, f + named["p_f"] * c
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        o = o + named["p_o"] * c if cell == "lstm_peephole" else o
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        h = named["U_p"] @ h if cell == "lstm_projected" else h
        return (h, c), h

    def run(x: Any) -> Any:
        start = jnp.zeros(one.output_size)
        step, state = (gru, start) if cell == "gru" else (lstm, (start, jnp.zeros(hidden)))
        return jax.lax.scan(step, state, x @ w + b, reverse=backward)[1]

    return run
