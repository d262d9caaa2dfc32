"""What a network does before its first recurrent layer, where that is more than a look-up: plain array ops, in order.

Arrays have no batch: (T, n), and (T, …) where each step holds more than a vector.

Activation functions of the frameworks, as one-argument macros of the equation language, by their exact meaning.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import softmax
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

Step = Callable[[Sequence[Array]], Array]
MOST_NUMBERS = 100_000_000
"""Most numbers of one array that is computed on the way to the first recurrent layer."""


@dataclass(frozen=True)
class ExtractorGraph:
    """Array ops by name, each with the names of what it reads.

    Attributes:
        inputs: Names of what is given from outside.
        steps: Name, what it reads, what it does.
        output: Name of the one whose result the first recurrent layer reads.
        ids: Inputs that are ids, with how many there are.
        mask: Name of the one that says which steps the first recurrent layer reads; empty where it reads all.
    """

    inputs: tuple[str, ...]
    steps: tuple[tuple[str, tuple[str, ...], Step], ...]
    output: str
    ids: Mapping[str, int] = field(default_factory=dict)
    mask: str = ""

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the first recurrent layer, (T, I).

        Raises:
            UserError: An array is missing, or does not fit.
        """
        known = {name: self._given(name, arrays) for name in self.inputs}
        for name, reads, step in self.steps:
            try:
                known[name] = step([known[one] for one in reads])
            except (ValueError, IndexError, TypeError) as error:
                shapes = ", ".join("×".join(map(str, known[one].shape)) for one in reads)
                raise UserError(f"{visible(name)} cannot take {shapes}: {visible(str(error))}") from error
            if known[name].size > MOST_NUMBERS:
                raise UserError(f"{visible(name)} gives {known[name].size} numbers; {MOST_NUMBERS} is the most")
        result = known[self.output]
        if result.ndim != 2 or not len(result):
            raise UserError(f"{visible(self.output)} gives {'×'.join(map(str, result.shape))}, and no series")
        if self.mask:
            kept = np.asarray(known[self.mask])
            if kept.shape != result.shape[:1]:
                raise UserError(f"the mask has {kept.size} steps, and {visible(self.output)} has {len(result)}")
            if not kept.any():
                raise UserError("every row is masked padding, so nothing is left to run")
            return np.asarray(result[kept])
        return result

    def _given(self, name: str, arrays: Mapping[str, Array]) -> Array:
        array = arrays[name] if name in arrays else next(iter(arrays.values())) if len(self.inputs) == 1 else None
        if array is None:
            known = ", ".join(visible(one) for one in self.inputs)
            raise UserError(f"the network reads {known}: give a .npz with arrays of these names; {name} is missing")
        if name not in self.ids:
            return np.asarray(array, dtype=np.float32)
        ids = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
        if not np.all((ids == np.floor(ids)) & (ids >= 0) & (ids < self.ids[name])):
            raise UserError(f"{visible(name)} holds ids, whole numbers from 0 to {self.ids[name] - 1}")
        return ids.astype(np.int64)


def convolve(x: Array, kernel: Array, bias: Array | None, stride: int, padding: str, dilation: int) -> Array:
    """Return a convolution over the steps: x (T, I), kernel (width, I, O)."""
    width = (kernel.shape[0] - 1) * dilation + 1
    x = _padded(x, width, stride, padding, 0.0)
    count = (len(x) - width) // stride + 1
    if count < 1:
        raise ValueError(f"it is shorter than the {width} steps of the convolution")
    result = np.zeros((count, kernel.shape[2]), dtype=x.dtype)
    for k in range(kernel.shape[0]):
        result += x[k * dilation : k * dilation + (count - 1) * stride + 1 : stride] @ kernel[k]
    return result if bias is None else result + bias


def pool(x: Array, size: int, stride: int, padding: str, how: str) -> Array:
    """Return the largest or the mean of `size` steps at a time; padding counts for nothing."""
    filled = _padded(x, size, stride, padding, -np.inf if how == "max" else 0.0)
    count = (len(filled) - size) // stride + 1
    if count < 1:
        raise ValueError(f"it is shorter than the {size} steps that are pooled")
    windows = np.stack([filled[k : k + (count - 1) * stride + 1 : stride] for k in range(size)])
    if how == "max":
        return np.asarray(windows.max(axis=0))
    there = _padded(np.ones((len(x), 1), x.dtype), size, stride, padding, 0.0)
    counts = sum(there[k : k + (count - 1) * stride + 1 : stride] for k in range(size))
    return np.asarray(windows.sum(axis=0) / counts)


def _padded(x: Array, width: int, stride: int, padding: str, value: float) -> Array:
    before = after = 0
    if padding == "causal":
        before = width - 1
    elif padding == "same":
        total = max((-(-len(x) // stride) - 1) * stride + width - len(x), 0)
        before, after = total // 2, total - total // 2
    return np.pad(x, ((before, after), *((0, 0),) * (x.ndim - 1)), constant_values=value) if before + after else x


def activate(x: Array, function: str) -> Array:
    """Return an activation by its name in `activations`, on plain arrays.

    Raises:
        KeyError: It has no array form.
    """
    with np.errstate(all="ignore"):
        if "=" in function:
            return _expression(function.partition("=")[2], x)
        return np.asarray(_FUNCTIONS[function](x))


def _expression(text: str, x: Array) -> Array:
    """Return an expression in `a`, evaluated by the engine as a readout of one line."""
    from lstm_tui.engine.language.readout import compile_readout, parse_readout
    from lstm_tui.engine.runtime.readout_series import evaluate

    line = re.sub(r"\ba\b", "h", text)
    page = parse_readout(f"title = 't'\nsource = 's'\nresult = 'y'\neach = 'y = {line}'\n", "activation")
    rows = np.atleast_2d(x)
    program = compile_readout(page, {"h": rows.shape[1]}, rows.shape[1])
    made = evaluate(program, program.empty(np.float32), {"h": rows.astype(np.float32)})
    return made.values["y"].reshape(x.shape)


def _log_softmax(x: Array) -> Array:
    below = x - x.max(axis=-1, keepdims=True)
    return np.asarray(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def erf(x: Array) -> Array:
    """Return the error function of each number."""
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x).astype(x.dtype))


def error_function(size: str) -> str:
    """Return the error function of what is not negative, to 2e-7: Abramowitz and Stegun 1964, formula 7.1.26."""
    t = f"(1 / (1 + 0.3275911 * {size}))"
    sums = f"((((1.061405429 * {t} - 1.453152027) * {t} + 1.421413741) * {t} - 0.284496736) * {t} + 0.254829592) * {t}"
    return f"(1 - {sums} * exp(-({size}) * ({size})))"


_FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "relu6": lambda x: np.clip(x, 0, 6),
    "softmax": softmax,
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
    "swish": lambda x: x / (1 + np.exp(-x)),
    "exponential": np.exp,
    "log_softmax": _log_softmax,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "hard_sigmoid_keras2": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "hard_sigmoid_keras3": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    "leaky_relu_0_01": lambda x: np.where(x > 0, x, 0.01 * x),
    "leaky_relu_0_2": lambda x: np.where(x > 0, x, 0.2 * x),
    "leaky_relu_0_3": lambda x: np.where(x > 0, x, 0.3 * x),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2, dtype=x.dtype))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))),
    "erf": erf,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "hard_swish": lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
    "celu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "soft_shrink": lambda x: np.maximum(x - 0.5, 0) + np.minimum(x + 0.5, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
}


MACROS = {
    "linear": "a",
    "hard_sigmoid_keras2": "clip(0.2 * a + 0.5, 0, 1)",
    "hard_sigmoid_keras3": "clip(a / 6 + 0.5, 0, 1)",
    "softsign": "a / (1 + abs(a))",
    "elu": "max(a, 0) + exp(min(a, 0)) - 1",
    "selu": "1.0507009873554805 * (max(a, 0) + 1.6732632423543772 * (exp(min(a, 0)) - 1))",
    "swish": "a * sigmoid(a)",
    "relu6": "clip(a, 0, 6)",
    "leaky_relu_0_01": "max(a, 0) + 0.01 * min(a, 0)",
    "leaky_relu_0_2": "max(a, 0) + 0.2 * min(a, 0)",
    "leaky_relu_0_3": "max(a, 0) + 0.3 * min(a, 0)",
    "exponential": "exp(a)",
    "log_softmax": "a - sum(softmax(a) * (a - log(max(softmax(a), 1e-37))))",  # finite where a share rounds to 0
    "hard_tanh": "clip(a, -1, 1)",
    "gelu": f"0.5 * (a + abs(a) * {error_function('abs(a) * 0.7071067811865476')})",
    "gelu_tanh": "0.5 * a * (1 + tanh(0.7978845608028654 * (a + 0.044715 * a * a * a)))",
    "erf": f"(step(a) - step(-a)) * {error_function('abs(a)')}",
    "mish": "a * tanh(softplus(a))",
    "hard_swish": "a * clip(a / 6 + 0.5, 0, 1)",
    "log_sigmoid": "-softplus(-a)",
    "celu": "max(a, 0) + exp(min(a, 0)) - 1",
    "soft_shrink": "max(a - 0.5, 0) + min(a + 0.5, 0)",
    "hard_shrink": "step(abs(a) - 0.5) * a",
    "tanh_shrink": "a - tanh(a)",
    "squareplus": "(a + sqrt(a * a + 4)) / 2",
}
"""Name to expression in `a`, of what the language has no word for."""

BUILT_IN = ("sigmoid", "tanh", "relu", "softplus", "softmax")
GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
"""What real files use for gates; which of them a file means is often not recorded."""


def activation(name: str) -> str | None:
    """Return the macro of an activation, or None where the language has a word for it.

    Raises:
        UserError: It is not known.
    """
    if name in BUILT_IN:
        return None
    if "=" in name:  # one with numbers of its own: name=expression
        return name.partition("=")[2]
    if name in MACROS:
        return MACROS[name]
    known = (*BUILT_IN, *MACROS)
    near = nearest(name, known)
    hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
    raise UserError(f"there is no activation {visible(name)}; {hint}")
