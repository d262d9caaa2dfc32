"""Activation functions of the frameworks, as one-argument macros of the equation language, by their exact meaning."""

from __future__ import annotations

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.visible import visible

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
    "log_softmax": "log(softmax(a))",
    "hard_tanh": "clip(a, -1, 1)",
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
