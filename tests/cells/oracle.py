"""Every bundled cell once more, by hand, from the paper's equations: slow, plain, and without the engine.

Each function takes one step of one layer: the parameters `p` by the names of the cell file, the input `x`, the
previous values `old` (states only), the values `low` of the layer below at this step (None in the lowest layer)
and the number `t` of the step. It returns every value the cell names, so that all of them are compared.
Where a paper has another, equivalent form than the cell file — sLSTM without its stabiliser, the clockwork
network group by group, gates from one packed product — that form stands here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array

Values = dict[str, Array]
Parameters = Mapping[str, Array]
Step = Callable[[Parameters, Array, Values, "Values | None", int], Values]

ORACLES: dict[str, Step] = {}


def oracle(name: str) -> Callable[[Step], Step]:
    """Enter a function as the oracle of the cell of that name."""

    def enter(function: Step) -> Step:
        ORACLES[name] = function
        return function

    return enter


def run_oracle(name: str, layers: Sequence[Parameters], x: Array, initial: Sequence[Values]) -> list[Values]:
    """Run a stack of one cell over x (T, I); return for each layer every value, (T, n)."""
    step = ORACLES[name]
    old = [dict(one) for one in initial]
    recorded: list[list[Values]] = [[] for _ in layers]
    for t, row in enumerate(x):
        seen, low = row, None
        for number, p in enumerate(layers):
            low = step(p, seen, old[number], low, t)
            recorded[number].append(low)
            old[number] = low
            seen = low["h_up" if "h_up" in low else "h"]
    return [{value: np.stack([each[value] for each in steps]) for value in steps[0]} for steps in recorded]


def sig(v: Array) -> Array:
    """Return the logistic function, number by number."""
    return np.array([1 / (1 + math.exp(-a)) if a >= 0 else 1 - 1 / (1 + math.exp(a)) for a in v])


def affine(p: Parameters, gate: str, x: Array, h: Array) -> Array:
    """Return [W U] [x; h] + b of one gate, from one product of the stacked vector."""
    return np.asarray(np.hstack([p[f"W_{gate}"], p[f"U_{gate}"]]) @ np.concatenate([x, h]) + p[f"b_{gate}"])


# --- plain networks -------------------------------------------------------------------------------------


@oracle("rnn")
def rnn(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return {"h": np.tanh(affine(p, "h", x, old["h"]))}


@oracle("rnn_relu")
def rnn_relu(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    a = affine(p, "h", x, old["h"])
    return {"h": np.where(a > 0, a, 0.0)}


@oracle("indrnn")
def indrnn(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = [max(p["W_h"][u] @ x + p["u_h"][u] * old["h"][u] + p["b_h"][u], 0.0) for u in range(len(p["b_h"]))]
    return {"h": np.array(h)}


CLOCKS = {1: [1], 2: [1, 2], 3: [1, 2, 4], 4: [1, 2, 4, 8], 5: [1, 1, 2, 4, 8], 8: [1, 1, 2, 2, 4, 4, 8, 8]}
"""Periods of the units by their number: blocks as equal as can be, the fast first, written out by hand."""


@oracle("clockwork")
def clockwork(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    periods = CLOCKS[len(old["h"])]
    units = range(len(periods))
    n = np.zeros(len(periods))
    for u in units:  # a unit hears its own group and every slower one
        heard = sum(p["U_h"][u, v] * old["h"][v] for v in units if periods[v] >= periods[u])
        n[u] = math.tanh(p["W_h"][u] @ x + heard + p["b_h"][u])
    turn = np.array([t % periods[u] == 0 for u in units])
    return {"a": turn.astype(float), "n": n, "h": np.where(turn, n, old["h"])}


# --- LSTMs ----------------------------------------------------------------------------------------------


def finish(f: Array, i: Array, g: Array, old: Values, show: Callable[[Array], Array]) -> Values:
    """Return the rest of an LSTM's step from its gates; `show` gives o from the new memory."""
    c = f * old["c"] + i * g
    o = show(c)
    return {"f": f, "i": i, "g": g, "c": c, "o": o, "h": o * np.tanh(c)}


@oracle("lstm")
def lstm(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    f, i, g = sig(affine(p, "f", x, h)), sig(affine(p, "i", x, h)), np.tanh(affine(p, "g", x, h))
    return finish(f, i, g, old, lambda c: sig(affine(p, "o", x, h)))


@oracle("lstm_1997")
def lstm_1997(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    i, o = sig(affine(p, "i", x, h)), sig(affine(p, "o", x, h))
    g = 2 * np.tanh(affine(p, "g", x, h) / 2)  # 4 sigma(a) - 2
    c = old["c"] + i * g
    return {"i": i, "g": g, "c": c, "o": o, "h": o * np.tanh(c / 2)}


@oracle("lstm_projected")
def lstm_projected(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    values = lstm(p, x, old, low, t)
    return {**values, "h": p["U_p"] @ values["h"]}


@oracle("lstm_cifg")
def lstm_cifg(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    f = sig(affine(p, "f", x, h))
    return finish(f, 1 - f, np.tanh(affine(p, "g", x, h)), old, lambda c: sig(affine(p, "o", x, h)))


def peephole(
    p: Parameters,
    x: Array,
    old: Values,
    fixed: Mapping[str, float] = {},
    squash: Callable[[Array], Array] = np.tanh,
    coupled: bool = False,
) -> Values:
    """Return a step of Greff's vanilla LSTM; `fixed` gates are constants."""
    h, c, size = old["h"], old["c"], len(old["c"])

    def gate(name: str, seen: Array) -> Array:
        if name in fixed:
            return np.full(size, fixed[name])
        a = affine(p, name, x, h)
        return sig(a + (p[f"P_{name}"] @ seen if f"P_{name}" in p else p[f"p_{name}"] * seen))

    i = gate("i", c)
    f = 1 - i if coupled else gate("f", c)
    return finish(f, i, squash(affine(p, "g", x, h)), old, lambda new: gate("o", new))


@oracle("lstm_peephole")
def lstm_peephole(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old)


@oracle("lstm_peephole_full")
def lstm_peephole_full(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old)


@oracle("greff_nig")
def greff_nig(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old, {"i": 1.0})


@oracle("greff_nfg")
def greff_nfg(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old, {"f": 1.0})


@oracle("greff_nog")
def greff_nog(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old, {"o": 1.0})


@oracle("greff_niaf")
def greff_niaf(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old, squash=lambda a: a)


@oracle("greff_noaf")
def greff_noaf(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    values = peephole(p, x, old)
    return {**values, "h": values["o"] * values["c"]}


@oracle("greff_cifg")
def greff_cifg(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    return peephole(p, x, old, coupled=True)


@oracle("greff_fgr")
def greff_fgr(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h, c = old["h"], old["c"]
    from_gates = {to: sum(p[f"R_{source}{to}"] @ old[source] for source in "ifo") for to in "ifo"}
    i = sig(affine(p, "i", x, h) + p["p_i"] * c + from_gates["i"])
    f = sig(affine(p, "f", x, h) + p["p_f"] * c + from_gates["f"])
    g = np.tanh(affine(p, "g", x, h))
    return finish(f, i, g, old, lambda new: sig(affine(p, "o", x, h) + p["p_o"] * new + from_gates["o"]))


@oracle("depth_gated")
def depth_gated(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h, c = old["h"], old["c"]
    c_low = np.zeros(len(c)) if low is None else low["c"]
    f, i = sig(affine(p, "f", x, h) + p["p_f"] * c), sig(affine(p, "i", x, h) + p["p_i"] * c)
    d = sig(p["b_d"] + p["W_d"] @ x + p["p_d"] * c + p["q_d"] * c_low)
    g = np.tanh(affine(p, "g", x, h))
    new = d * c_low + f * c + i * g
    o = sig(affine(p, "o", x, h) + p["p_o"] * new)
    return {"f": f, "i": i, "g": g, "d": d, "c": new, "o": o, "h": o * np.tanh(new)}


@oracle("layernorm_lstm")
def layernorm_lstm(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    def normal(v: Array) -> Array:
        return np.asarray((v - np.mean(v)) / np.sqrt(np.var(v) + 1e-5))

    a = p["s_h"] * normal(p["U_a"] @ old["h"]) + p["b_h"] + p["s_x"] * normal(p["W_a"] @ x) + p["b_x"]
    size = len(a) // 4
    f, i, o, g = sig(a[:size]), sig(a[size : 2 * size]), sig(a[2 * size : 3 * size]), np.tanh(a[3 * size :])
    c = f * old["c"] + i * g
    return {"a": a, "f": f, "i": i, "o": o, "g": g, "c": c, "h": o * np.tanh(p["s_c"] * normal(c) + p["b_c"])}


@oracle("slstm")
def slstm(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    # The paper's equations before stabilising: i = exp(a), f = sigma(…), and C, N larger by exp(m).
    h, scale = old["h"], np.exp(old["m"])
    a, forget = affine(p, "i", x, h), sig(affine(p, "f", x, h))
    z, o = np.tanh(affine(p, "z", x, h)), sig(affine(p, "o", x, h))
    big_c = forget * (scale * old["c"]) + np.exp(a) * z
    big_n = forget * (scale * old["n"]) + np.exp(a)
    m = np.maximum(np.log(forget) + old["m"], a)
    return {
        "a": a,
        "b": np.log(forget),
        "z": z,
        "o": o,
        "m": m,
        "i": np.exp(a) / np.exp(m),
        "f": forget * scale / np.exp(m),
        "c": big_c / np.exp(m),
        "n": big_n / np.exp(m),
        "h": o * big_c / big_n,
    }


@oracle("grid")
def grid(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h_in = p["V_h"] @ x if low is None else low["h_up"]
    m_in = p["V_m"] @ x if low is None else low["m_up"]

    def block(first: str, second: str, h: Array, m: Array) -> tuple[Array, ...]:
        """Return one LSTM of the grid: its gates from H = [h in time; h in depth]."""
        both = np.concatenate([h, h_in])
        product = {gate: np.hstack([p[f"{first}_{gate}"], p[f"{second}_{gate}"]]) @ both for gate in "ufog"}
        u, f, o = (sig(product[gate]) for gate in "ufo")
        new = f * m + u * np.tanh(product["g"])
        return u, f, o, np.tanh(product["g"]), new, np.tanh(o * new)

    u_t, f_t, o_t, g_t, m, h = block("A", "B", old["h"], old["m"])
    u_d, f_d, o_d, g_d, m_up, h_up = block("C", "D", h, m_in)
    time = {"u_t": u_t, "f_t": f_t, "o_t": o_t, "g_t": g_t, "m": m, "h": h}
    return {**time, "u_d": u_d, "f_d": f_d, "o_d": o_d, "g_d": g_d, "m_up": m_up, "h_up": h_up}


# --- GRUs and their relatives ---------------------------------------------------------------------------


@oracle("gru")
def gru(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    r, z = sig(affine(p, "r", x, h)), sig(affine(p, "z", x, h))
    n = np.tanh(p["W_n"] @ x + p["b_n"] + r * (p["U_n"] @ h + p["c_n"]))
    return {"r": r, "z": z, "n": n, "h": n + z * (h - n)}


def gated(r: Array, write: Array, n: Array, h: Array, names: str) -> Values:
    """Return the values of a leaky step h + write (n - h) under the names of its three gates."""
    return {names[0]: r, names[1]: write, "n": n, "h": h + write * (n - h)}


@oracle("gru_reset_before")
def gru_reset_before(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    r, z = sig(affine(p, "r", x, h)), sig(affine(p, "z", x, h))
    n = np.tanh(affine(p, "n", x, r * h))
    return {**gated(r, 1 - z, n, h, "rz"), "z": z}


@oracle("gru_write")
def gru_write(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    r, z = sig(affine(p, "r", x, h)), sig(affine(p, "z", x, h))
    return gated(r, z, np.tanh(affine(p, "n", x, r * h)), h, "rz")


@oracle("minimal_gated")
def minimal_gated(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    f = sig(affine(p, "f", x, h))
    return gated(f, f, np.tanh(affine(p, "n", x, f * h)), h, "ff")


@oracle("mingru")
def mingru(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    z, n = sig(p["b_z"] + p["W_z"] @ x), p["b_n"] + p["W_n"] @ x
    return {"z": z, "n": n, "h": old["h"] + z * (n - old["h"])}


@oracle("mut1")
def mut1(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    z, r = sig(p["W_z"] @ x + p["b_z"]), sig(affine(p, "r", x, h))
    seen = p["W_h"] @ x if "W_h" in p else x
    return gated(r, z, np.tanh(p["U_h"] @ (r * h) + np.tanh(seen) + p["b_h"]), h, "rz")


ORACLES["mut1_projected"] = mut1


@oracle("mut2")
def mut2(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    seen = p["W_r"] @ x if "W_r" in p else x
    z, r = sig(affine(p, "z", x, h)), sig(seen + p["U_r"] @ h + p["b_r"])
    return gated(r, z, np.tanh(affine(p, "h", x, r * h)), h, "rz")


ORACLES["mut2_projected"] = mut2


@oracle("mut3")
def mut3(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    h = old["h"]
    z, r = sig(affine(p, "z", x, np.tanh(h))), sig(affine(p, "r", x, h))
    return gated(r, z, np.tanh(affine(p, "h", x, r * h)), h, "rz")
