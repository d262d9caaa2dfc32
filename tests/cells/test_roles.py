"""What keeps, writes and shows in each cell, and where each value can lie, is read off its equations."""

from __future__ import annotations

import pytest

from lstm_tui.engine.compiler.roles import kept_states, memory_of, ranges_of, roles_of, update_of
from lstm_tui.engine.language.cell import cell_names, load_cell, parse_cell
from lstm_tui.engine.language.expression import as_written

LSTM = ("c", "f", ["i * g"])
GATE = {"f": "keeps", "i": "writes", "g": "candidate", "c": "memory", "o": "shows", "h": "output"}
TURNS = {"turn": "keeps", "u": "keeps", "here": "writes"}
UPDATES = {
    **dict.fromkeys(
        ["lstm", "lstm_peephole", "lstm_peephole_full", "lstm_cifg", "lstm_projected", "layernorm_lstm"], LSTM
    ),
    **{name: LSTM for name in cell_names() if name.startswith("greff_")},
    "lstm_1997": ("c", "1.0", ["i * g"]),
    "depth_gated": ("c", "f", ["d * c_below", "i * g"]),
    "grid": ("m", "f_t", ["u_t * g_t"]),
    "slstm": ("c", "f", ["i * z"]),
    "clockwork": ("h", "1.0 - a", ["a * n"]),
    **dict.fromkeys(["gru", "gru_reset_before"], ("h", "z", ["(1.0 - z) * n"])),
    **dict.fromkeys(["gru_write", "mingru"], ("h", "1.0 - z", ["z * n"])),
    "minimal_gated": ("h", "1.0 - f", ["f * n"]),
    **dict.fromkeys([name for name in cell_names() if name.startswith("mut")], ("h", "1.0 - z", ["z * n"])),
    **dict.fromkeys(["rnn", "rnn_relu", "indrnn"], None),
    "linear_attention": ("S", "1.0", ["outer(v, k)"]),
    "retention": ("S", "by_row(gamma)", ["outer(v, k)"]),
    "mlstm": ("S", "by_head(f)", ["by_head(i) * outer(v, k)"]),
    "gated_deltanet": ("S", "by_head(f)", ["-outer(by_head(i) * r, k)", "outer(by_head(i) * v, k)"]),
    **dict.fromkeys(["rwkv5", "rwkv6"], ("S", "by_column(w)", ["outer(v, k)"])),
    "rwkv7": ("S", "by_column(w)", ["-outer(o, q * a)", "outer(v, k)"]),
    "gru_encoder": ("h", "k", ["(1.0 - k) * n"]),
    "region_encoder": None,
    "decoder_additive": ("M", "1.0", ["outer(here, x)"]),
    "decoder_general": ("h", "turn * u", ["turn * ((1.0 - u) * n)", "(1.0 - turn) * tanh(W_s @ x + b_s)"]),
    "decoder_dot": ("h", "turn * u", ["turn * ((1.0 - u) * n)", "(1.0 - turn) * x"]),
    "mamba": ("S", "f", ["outer(d * v, k)"]),
    "mamba2": ("S", "by_head(f)", ["outer(by_head(d) * v, each_head(k))"]),
}
ROLES = {
    **{name: GATE for name, update in UPDATES.items() if update == LSTM},
    "lstm_1997": {name: role for name, role in GATE.items() if name != "f"},
    "depth_gated": {**GATE, "d": "writes"},
    "grid": {"f_t": "keeps", "u_t": "writes", "g_t": "candidate", "m": "memory", "o_d": "shows", "h_up": "output"},
    "slstm": {"f": "keeps", "i": "writes", "z": "candidate", "c": "memory", "o": "shows", "h": "output"},
    "clockwork": {"a": "writes", "n": "candidate", "h": "memory"},
    **{name: {"z": "keeps", "n": "candidate", "h": "memory"} for name in ("gru", "gru_reset_before")},
    "minimal_gated": {"f": "writes", "n": "candidate", "h": "memory"},
    **{
        name: {"z": "writes", "n": "candidate", "h": "memory"}
        for name in ("gru_write", "mingru", *(one for one in cell_names() if one.startswith("mut")))
    },
    **{name: {"h": "output"} for name in ("rnn", "rnn_relu", "indrnn")},
    **{name: {"v": "candidate", "S": "memory", "h": "output"} for name in ("linear_attention", "retention")},
    "mlstm": {"f": "keeps", "i": "writes", "v": "candidate", "o": "shows", "S": "memory", "h": "output"},
    "gated_deltanet": {"f": "keeps", "i": "writes", "v": "candidate", "S": "memory", "h": "output"},
    **{name: {"w": "keeps", "v": "candidate", "S": "memory", "h": "output"} for name in ("rwkv5", "rwkv6")},
    "rwkv7": {"w": "keeps", "a": "writes", "v": "candidate", "S": "memory", "h": "output"},
    **{name: {"f": "keeps", "S": "memory", "h": "output"} for name in ("mamba", "mamba2")},
    "gru_encoder": {"k": "keeps", "n": "candidate", "h": "memory"},
    "region_encoder": {"h": "output"},
    "decoder_additive": {**TURNS, "M": "memory", "h": "output"},
    "decoder_general": {**TURNS, "n": "candidate", "h": "memory", "s": "output"},
    "decoder_dot": {**TURNS, "n": "candidate", "h": "memory", "s": "output"},
}


def test_every_cell_is_in_both_tables() -> None:
    assert set(UPDATES) == set(ROLES) == set(cell_names())


@pytest.mark.parametrize("name", sorted(UPDATES))
def test_the_update_of_the_memory(name: str) -> None:
    cell, expected = load_cell(name), UPDATES[name]
    if expected is None:
        assert kept_states(cell) == ()
        return
    state, keep, writes = expected
    update = update_of(cell, state)
    assert update is not None
    assert memory_of(cell) == state
    assert as_written(update.keep) == keep
    assert [as_written(one) for one in update.writes] == writes


@pytest.mark.parametrize("name", sorted(ROLES))
def test_words(name: str) -> None:
    assert roles_of(load_cell(name)) == ROLES[name]


def test_the_normaliser_of_slstm_has_a_ledger_too() -> None:
    cell = load_cell("slstm")
    update = update_of(cell, "n")
    assert kept_states(cell) == ("c", "n")
    assert update is not None
    assert as_written(update.keep) == "f"
    assert [as_written(one) for one in update.writes] == ["i"]


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("lstm", "f", (0.0, 1.0)),
        ("lstm", "h", (-1.0, 1.0)),
        ("lstm", "c", None),
        ("lstm_1997", "g", (-2.0, 2.0)),
        ("lstm_1997", "h", (-1.0, 1.0)),
        ("lstm_cifg", "i", (0.0, 1.0)),
        ("greff_nfg", "f", (1.0, 1.0)),
        ("greff_niaf", "g", None),
        ("greff_noaf", "h", None),
        ("clockwork", "a", (0.0, 1.0)),
        ("slstm", "i", (0.0, 1.0)),
        ("slstm", "f", (0.0, 1.0)),
        ("lstm_projected", "h", None),
        ("grid", "h_up", (-1.0, 1.0)),
        ("mingru", "n", None),
        ("rnn", "h", (-1.0, 1.0)),
    ],
)
def test_where_a_value_can_lie(name: str, value: str, limits: tuple[float, float] | None) -> None:
    assert ranges_of(load_cell(name))[value] == limits


@pytest.mark.parametrize(
    ("equation", "shows"),
    [("h = U_p @ (o * c)", True), ("h = tanh(o * c)", True), ("h = tanh(W_h @ x + c)", False), ("h = tanh(o)", False)],
)
def test_an_output_that_is_projected_or_squashed_still_shows(equation: str, shows: bool) -> None:
    cell = parse_cell(
        "name = 'a'\ntitle = 'a'\nsource = 'a'\nstate = ['c']\noutput = 'h'\nequations = '''\n"
        f"o = sigmoid(W_o @ x)\nc = 0.5 * c + W_c @ x\n{equation}\n'''\n"
    )
    assert (roles_of(cell).get("o") == "shows") == shows
