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
            seen = low[next(one for one in ("h_up", "s", "h") if one in low and (one != "s" or "open" in low))]
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


# --- an encoder, and decoders that look over what it read, place by place ---------------------------------


def turn_of(p: Parameters, x: Array, low: Values | None) -> tuple[float, Array]:
    """Return whether a token belongs to the answer, and the token as a decoder reads it."""
    if low is not None:
        return float(low["turn"][0]), low["y"]
    return float(sum(a * b for a, b in zip(p["p_turn"], x, strict=True)) > 0), p["V_y"] @ x


@oracle("gru_encoder")
def gru_encoder(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    turn, y = turn_of(p, x, low)
    h = old["h"]
    r, u = sig(affine(p, "r", x, h)), sig(affine(p, "u", x, h))
    n = np.tanh(p["W_n"] @ x + r * (p["U_n"] @ h) + p["b_n"])
    made = {"turn": np.array([turn]), "y": y, "r": r, "u": u, "k": u + (1 - u) * turn, "n": n}
    return {**made, "h": h if turn else n + u * (h - n)}


@oracle("region_encoder")
def region_encoder(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    turn, y = turn_of(p, x, low)
    count = float(old["count"][0]) + 1
    here = np.array([float(not turn and place == count) for place in range(p["P_h"].shape[1])])
    h = np.tanh([sum(p["W_h"][n] * x) + sum(p["P_h"][n] * here) + p["b_h"][n] for n in range(len(p["b_h"]))])
    return {"turn": np.array([turn]), "y": y, "count": np.array([count]), "here": here, "h": h}


def collected(p: Parameters, x: Array, old: Values, low: Values | None) -> tuple[float, Values]:
    """Return the turn, and what a decoder puts at the place of a token that is read."""
    turn, y = turn_of(p, x, low)
    count = float(old["count"][0]) + 1
    here = np.array([float(not turn and place == count) for place in range(len(old["open"]))])
    rows = [old["M"][n * len(x) : (n + 1) * len(x)] + one * x for n, one in enumerate(here)]
    made = {"turn": np.array([turn]), "y": y, "count": np.array([count]), "here": here, "open": old["open"] + here}
    return turn, {**made, "M": join(rows)}


def looked(made: Values, scores: Sequence[float], x: Array) -> Values:
    """Return the scores, the attention and the read, from one score a place; where nothing was read it is 1000 less."""
    e = np.array([score - 1000 * (1 - one) for score, one in zip(scores, made["open"], strict=True)])
    parts = [math.exp(score - max(e)) for score in e]
    a = np.array(parts) / sum(parts)
    rows = np.split(made["M"], len(a))
    z = [sum(w * row[n] for w, row in zip(a, rows, strict=True)) for n in range(len(x))]
    return {"e": e, "a": a, "z": np.array(z)}


def decoded(p: Parameters, made: Values, h: Array, begun: Array, z: Array | None = None) -> Values:
    """Return the step of a GRU on its own token, and on what was read if that comes first."""

    def read(gate: str) -> Array:
        of_token = p[f"W_{gate}"] @ made["y"] + p[f"b_{gate}"]
        return of_token if z is None else of_token + p[f"C_{gate}"] @ z

    r, u = sig(read("r") + p["U_r"] @ h), sig(read("u") + p["U_u"] @ h)
    n = np.tanh(read("n") + r * (p["U_n"] @ h))
    return {"r": r, "u": u, "n": n, "h": n + u * (h - n) if made["turn"][0] else begun}


@oracle("decoder_additive")
def decoder_additive(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    _, made = collected(p, x, old, low)
    keys = np.split(old["K"], len(made["here"]))
    keys = [key + one * (p["U_a"] @ x) for key, one in zip(keys, made["here"], strict=True)]
    match = [np.tanh(key + p["W_a"] @ old["h"] + p["b_a"]) for key in keys]
    looks = looked(made, [float(p["v_a"] @ one) for one in match], x)
    step = decoded(p, made, old["h"], np.tanh(p["W_s"] @ x + p["b_s"]), looks["z"])
    return {**made, "K": join(keys), "E": join(match), **looks, **step}


def after_the_step(p: Parameters, made: Values, step: Values, asks: Array, x: Array) -> Values:
    """Return what Luong's decoder looks at once its state is new, and says of both."""
    looks = looked(made, [float(asks @ row) for row in np.split(made["M"], len(made["here"]))], x)
    return {**made, **step, **looks, "s": np.tanh(p["W_z"] @ looks["z"] + p["W_h"] @ step["h"] + p["b_z"])}


@oracle("decoder_general")
def decoder_general(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    _, made = collected(p, x, old, low)
    step = decoded(p, made, old["h"], np.tanh(p["W_s"] @ x + p["b_s"]))
    return after_the_step(p, made, step, p["W_a"] @ step["h"], x)


@oracle("decoder_dot")
def decoder_dot(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    _, made = collected(p, x, old, low)
    step = decoded(p, made, old["h"], x)
    return after_the_step(p, made, step, step["h"], x)


# --- memories that are matrices: head by head, in the layouts of the papers -----------------------------


def in_heads(v: Array, heads: int) -> list[Array]:
    """Return a vector cut into one piece a head."""
    return np.split(v, heads)


def heads_of(p: Parameters, old: Values, memory: str, units: int) -> int:
    """Return how many heads there are: a head's matrix is square."""
    return int(units**2 // len(old[memory]))


def silu(v: Array) -> Array:
    """Return v times its own logistic function."""
    return v * sig(v)


def join(pieces: Sequence[Array]) -> Array:
    """Return matrices or vectors of all heads as one vector."""
    return np.concatenate([piece.ravel() for piece in pieces])


@oracle("linear_attention")
def linear_attention(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    def feature(a: Array) -> Array:
        return np.array([v + 1 if v > 0 else math.exp(v) for v in a])

    q, k, v = feature(p["W_q"] @ x), feature(p["W_k"] @ x), p["W_v"] @ x
    heads = heads_of(p, old, "S", len(v))
    size = len(v) // heads
    s, z, y = [], [], []
    for n, (qh, kh, vh) in enumerate(zip(in_heads(q, heads), in_heads(k, heads), in_heads(v, heads), strict=True)):
        s.append(in_heads(old["S"], heads)[n].reshape(size, size) + np.outer(vh, kh))
        z.append(in_heads(old["z"], heads)[n] + kh)
        y.append(s[-1] @ qh / (z[-1] @ qh))
    return {"q": q, "k": k, "v": v, "S": join(s), "z": join(z), "y": join(y), "h": p["W_o"] @ join(y)}


RATES = {
    1: [0], 2: [0, 1], 3: [0, 1, 2], 4: [0, 1, 2, 3], 5: [0, 0, 1, 2, 3], 6: [0, 0, 1, 2, 2, 3],
    8: [0, 0, 1, 1, 2, 2, 3, 3],
}  # fmt: skip
"""Which of the four rates each unit fades at, by the number of units."""


@oracle("retention")
def retention(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    q, k, v = p["W_q"] @ x, p["W_k"] @ x, p["W_v"] @ x
    heads = heads_of(p, old, "S", len(v))
    size = len(v) // heads
    gamma = np.array([1 - 2.0 ** (-5 - rate) for rate in RATES[len(v)]])
    s, y, c, n = [], [], [], []
    for number in range(heads):
        qh, kh, vh, gh = (in_heads(one, heads)[number] for one in (q, k, v, gamma))
        # The paper's memory is the other way round, keys by values: S = gamma S + k^T v, o = q S.
        turned = in_heads(old["S"], heads)[number].reshape(size, size).T * gh + np.outer(kh, vh)
        s.append(turned.T)
        y.append(qh @ turned)
        c.append(y[-1] - y[-1].mean())
        n.append(c[-1] / math.sqrt(y[-1].var() + 1e-5))
    g = silu(p["W_g"] @ x)
    made = {"q": q, "k": k, "v": v, "S": join(s), "y": join(y), "u": join(c), "n": join(n), "g": g}
    return {**made, "h": p["W_o"] @ (g * join(n))}


@oracle("mlstm")
def mlstm(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    q, k, v = (p[f"W_{name}"] @ x + p[f"b_{name}"] for name in "qkv")
    a, b = p["W_i"] @ x + p["b_i"], np.log(sig(p["W_f"] @ x + p["b_f"]))
    heads, size = len(a), len(v) // len(a)
    memory, normaliser, read = [], [], []
    m, i, f, s = (np.zeros(heads) for _ in range(4))
    for n in range(heads):
        qh, kh, vh = (in_heads(one, heads)[n] for one in (q, k, v))
        m[n] = max(b[n] + old["m"][n], a[n])
        i[n] = math.exp(a[n] - m[n])
        f[n] = math.exp(b[n] + old["m"][n] - m[n])
        memory.append(f[n] * in_heads(old["S"], heads)[n].reshape(size, size) + i[n] * np.outer(vh, kh))
        normaliser.append(f[n] * in_heads(old["n"], heads)[n] + i[n] * kh)
        s[n] = max(abs(float(normaliser[n] @ qh)), math.exp(-m[n]))
        read.append(memory[n] @ qh / s[n])
    o = sig(p["W_o"] @ x + p["b_o"])
    gates = {"a": a, "b": b, "m": m, "i": i, "f": f, "s": s, "o": o}
    return {"q": q, "k": k, "v": v, **gates, "S": join(memory), "n": join(normaliser), "h": o * join(read)}


@oracle("gated_deltanet")
def gated_deltanet(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    pre, u, v = silu(p["W_q"] @ x), silu(p["W_k"] @ x), silu(p["W_v"] @ x)
    i = sig(p["W_i"] @ x)
    heads = len(i)
    size = len(v) // heads
    f = np.array([
        math.exp(-math.exp(p["a_log"][n]) * math.log1p(math.exp((p["W_f"] @ x + p["b_f"])[n]))) for n in range(heads)
    ])  # fmt: skip
    q, k, r, s, y, normal = [], [], [], [], [], []
    for n in range(heads):
        q.append(in_heads(pre, heads)[n] / math.sqrt((in_heads(pre, heads)[n] ** 2).sum() + 1e-6))
        k.append(in_heads(u, heads)[n] / math.sqrt((in_heads(u, heads)[n] ** 2).sum() + 1e-6))
        before = in_heads(old["S"], heads)[n].reshape(size, size)
        # S (alpha (I - beta k k^T)) + beta v k^T, as the paper has it.
        s.append(before @ (f[n] * (np.eye(size) - i[n] * np.outer(k[n], k[n])))
                 + i[n] * np.outer(in_heads(v, heads)[n], k[n]))  # fmt: skip
        r.append(f[n] * (before @ k[n]))
        y.append(s[n] @ q[n])
        normal.append(y[n] / math.sqrt((y[n] ** 2).mean() + 1e-5))
    shown = join(normal) * p["g_n"]
    made = {"p": pre, "q": join(q), "u": u, "k": join(k), "v": v, "f": f, "i": i, "r": join(r), "S": join(s)}
    return {**made, "y": join(y), "n": shown, "h": p["W_o"] @ (shown * silu(p["W_g"] @ x))}


def rwkv_normal(y: Sequence[Array]) -> dict[str, Array]:
    """Return the group norm of a read, and what it is before it is scaled."""
    c = [one - one.mean() for one in y]
    return {"y": join(y), "u": join(c), "n": join([a / math.sqrt((a * a).mean() + 64e-5) for a in c])}


@oracle("rwkv5")
def rwkv5(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    def mixed(name: str) -> Array:
        return np.array([a * m + b * (1 - m) for a, b, m in zip(x, old["p"], p[f"m_{name}"], strict=True)])

    k, v, r, g = p["W_k"] @ mixed("k"), p["W_v"] @ mixed("v"), p["W_r"] @ mixed("r"), silu(p["W_g"] @ mixed("g"))
    heads = heads_of(p, old, "S", len(v))
    size = len(v) // heads
    w = np.exp(-np.exp(p["w_d"]))
    s, y = [], []
    for n in range(heads):
        kh, vh, rh, wh, uh = (in_heads(one, heads)[n] for one in (k, v, r, w, p["u_b"]))
        turned = in_heads(old["S"], heads)[n].reshape(size, size).T  # keys by values, as in the paper
        y.append(rh @ (turned + np.diag(uh) @ np.outer(kh, vh)))
        s.append((np.diag(wh) @ turned + np.outer(kh, vh)).T)
    normal = rwkv_normal(y)
    h = p["W_o"] @ ((normal["n"] * p["g_n"] + p["b_n"]) * g)
    return {"k": k, "v": v, "r": r, "g": g, "p": x, "w": w, "S": join(s), **normal, "h": h}


@oracle("rwkv6")
def rwkv6(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    e = old["p"] - x
    z = x + e * p["m_x"]
    few = {name: np.tanh(p[f"W_{name}"] @ z) for name in "wkvrg"}
    mixed = {name: x + e * (p[f"m_{name}"] + p[f"V_{name}"] @ few[name]) for name in "wkvrg"}
    l_d = np.tanh(p["U_w"] @ mixed["w"])
    w = np.exp(-np.exp(p["w_d"] + p["T_w"] @ l_d))
    k, v, r = (p[f"U_{name}"] @ mixed[name] for name in "kvr")
    g = silu(p["U_g"] @ mixed["g"])
    heads = heads_of(p, old, "S", len(v))
    size = len(v) // heads
    s, y = [], []
    for n in range(heads):
        kh, vh, rh, wh, uh = (in_heads(one, heads)[n] for one in (k, v, r, w, p["u_b"]))
        turned = in_heads(old["S"], heads)[n].reshape(size, size).T
        y.append(rh @ (turned + np.diag(uh) @ np.outer(kh, vh)))
        s.append((np.diag(wh) @ turned + np.outer(kh, vh)).T)
    normal = rwkv_normal(y)
    h = p["W_o"] @ ((normal["n"] * p["g_n"] + p["b_n"]) * g)
    made = {"e": e, "z": z, "p": x, **{f"l_{name}": one for name, one in few.items()}, "l_d": l_d, "w": w}
    return {**made, "k": k, "v": v, "r": r, "g": g, "S": join(s), **normal, "h": h}


@oracle("rwkv7")
def rwkv7(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    e = old["p"] - x
    mixed = {name: x + e * p[f"m_{name}"] for name in "rwkvag"}
    r, j, v = p["W_r"] @ mixed["r"], p["W_k"] @ mixed["k"], p["W_v"] @ mixed["v"]
    l_w, l_a, l_g = np.tanh(p["W_w"] @ mixed["w"]), p["W_a"] @ mixed["a"], sig(p["W_g"] @ mixed["g"])
    w = np.exp(-0.606531 * sig(p["w_d"] + p["V_w"] @ l_w))
    a, g = sig(p["a_0"] + p["V_a"] @ l_a), p["V_g"] @ l_g
    k = j * (1 + (a - 1) * p["k_a"])
    heads = heads_of(p, old, "S", len(v))
    size = len(v) // heads
    q, o, s, y, b = [], [], [], [], []
    for n in range(heads):
        kh, vh, rh, wh, ah, th = (in_heads(one, heads)[n] for one in (k, v, r, w, a, j * p["k_k"]))
        q.append(th / np.linalg.norm(th))
        before = in_heads(old["S"], heads)[n].reshape(size, size)
        o.append(before @ q[n])
        s.append(before * wh + before @ (-q[n])[:, None] @ (q[n] * ah)[None, :] + vh[:, None] @ kh[None, :])
        y.append(s[n] @ rh)
        b.append((rh * kh * in_heads(p["r_k"], heads)[n]).sum() * vh)
    normal = rwkv_normal(y)
    h = p["W_o"] @ ((normal["n"] * p["g_n"] + p["b_n"] + join(b)) * g)
    made = {"e": e, "p": x, "r": r, "l_w": l_w, "w": w, "j": j, "v": v, "l_a": l_a, "a": a, "l_g": l_g, "g": g}
    return {**made, "q": join(q), "k": k, "o": join(o), "S": join(s), **normal, "b": join(b), "h": h}


def convolved(p: Parameters, u: Array, old: Values) -> Array:
    """Return a causal convolution of four tokens, channel by channel."""
    window = [u, old["u_1"], old["u_2"], old["u_3"]]
    return silu(sum((p[f"c_{back}"] * one for back, one in enumerate(window)), p["b_c"].copy()))


@oracle("mamba")
def mamba(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    u = p["W_u"] @ x
    v = convolved(p, u, old)
    steps = p["W_l"] @ v
    d = np.log1p(np.exp(p["W_d"] @ steps + p["b_d"]))
    k, q = p["W_k"] @ v, p["W_q"] @ v
    channels, states = len(v), len(k)
    before, rates = old["S"].reshape(channels, states), -np.exp(p["a_log"].reshape(channels, states))
    f, s, y = np.zeros((channels, states)), np.zeros((channels, states)), np.zeros(channels)
    for one in range(channels):
        for n in range(states):
            f[one, n] = math.exp(d[one] * rates[one, n])
            s[one, n] = f[one, n] * before[one, n] + d[one] * k[n] * v[one]
            y[one] += q[n] * s[one, n]
        y[one] += p["s_d"][one] * v[one]
    h = p["W_o"] @ (y * silu(p["W_z"] @ x))
    window = {"u": u, "v": v, "u_3": old["u_2"], "u_2": old["u_1"], "u_1": u}
    return {**window, "l": steps, "d": d, "k": k, "q": q, "f": f.ravel(), "S": s.ravel(), "y": y, "h": h}


@oracle("mamba2")
def mamba2(p: Parameters, x: Array, old: Values, low: Values | None, t: int) -> Values:
    u = p["W_u"] @ x
    v = convolved(p, u, old)
    d = np.log1p(np.exp(p["W_d"] @ x + p["b_d"]))
    k, q = p["W_k"] @ v, p["W_q"] @ v
    heads = len(d)
    f = np.exp(d * -np.exp(p["a_log"]))
    s, y = [], []
    for n in range(heads):
        vh = in_heads(v, heads)[n]
        s.append(f[n] * in_heads(old["S"], heads)[n].reshape(len(vh), len(k)) + d[n] * vh[:, None] * k[None, :])
        y.append(s[n] @ q + p["s_d"][n] * vh)
    shown = join(y) * silu(p["W_z"] @ x)
    h = p["W_o"] @ (shown / math.sqrt((shown**2).mean() + 1e-5) * p["g_n"])
    window = {"u": u, "v": v, "u_3": old["u_2"], "u_2": old["u_1"], "u_1": u}
    return {**window, "d": d, "k": k, "q": q, "f": f, "S": join(s), "y": join(y), "n": shown, "h": h}
