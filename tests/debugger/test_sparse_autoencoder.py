"""Rows of sparse autoencoders as features: equal to naive NumPy, from each common layout, and honest behind a ReLU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.debugger.commands.autoencoder import row_of_autoencoder
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.encoder_activation import Dictionary
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.session_file import script_of
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.autoencoder import autoencoder_of
from lstm_tui.formats.inputs.text_input import read_script, text_from
from lstm_tui.models.bundled import open_model

TEXT = "she likes pizza . he wants to eat music . they like tea .\nhe likes tea ."
PASS, UNITS, ROWS = "layer0.forward", 16, 48


def opened() -> Session:
    return Session.open(Source.of_input(open_model("story"), text_from(TEXT)))


def arrays(seed: int = 0, rows: int = ROWS) -> dict[str, Array]:
    random = np.random.default_rng(seed)
    return {
        "W_enc": random.normal(size=(UNITS, rows)).astype(np.float32),
        "b_enc": random.normal(size=rows).astype(np.float32) / 2,
        "W_dec": random.normal(size=(rows, UNITS)).astype(np.float32),
        "b_dec": random.normal(size=UNITS).astype(np.float32) / 2,
    }


def as_linear_layers(held: dict[str, Array], prefix: str = "") -> dict[str, Array]:
    """Return the same dictionary by the names and layout of two linear layers."""
    return {
        f"{prefix}encoder.weight": held["W_enc"].T, f"{prefix}encoder.bias": held["b_enc"],
        f"{prefix}decoder.weight": held["W_dec"].T, f"{prefix}decoder.bias": held["b_dec"],
    }  # fmt: skip


def naive(held: dict[str, Array], states: Array, kind: str, taken_off: bool = True) -> Array:
    """Return every row of a dictionary at every token, (T, M), as it is written in the papers."""
    x = states.astype(np.float64) - (held["b_dec"].astype(np.float64) if taken_off else 0)
    sums = x @ held["W_enc"].astype(np.float64) + held["b_enc"].astype(np.float64)
    if kind == "relu":
        return np.maximum(sums, 0)
    if kind == "jumprelu":
        return np.asarray(sums * (sums > held["threshold"]))
    out = np.zeros_like(sums)
    for t, row in enumerate(sums):
        for n in np.argsort(-row)[: int(held["k"])]:
            out[t, n] = max(row[n], 0.0)
    return out


def states(session: Session) -> Array:
    return np.asarray(session.frame.trace[PASS]["c"], np.float64)


def at_every_token(session: Session, name: str) -> Array:
    return session.scope().read(name, _everywhere(session)).values[:, 0]


def _everywhere(session: Session):  # type: ignore[no-untyped-def]
    from lstm_tui.debugger.expressions.scope import Moment

    return Moment(0, session.frame.steps)


CASES = {
    "relu": {},
    "jumprelu": {"threshold": np.linspace(0.1, 2, ROWS).astype(np.float32)},
    "jumprelu of one": {"threshold": np.array(0.7, np.float32)},
    "top": {"k": np.array(7)},
    "top said": {"k": np.array(7), "threshold": np.array(-1.0, np.float32), "activation": np.array("TopK")},
    "relu not taken off": {"apply_b_dec_to_input": np.array(False)},
}


@pytest.mark.parametrize("layers", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_every_row_is_that_of_naive_numpy_at_every_token(case: str, layers: bool, tmp_path: Path) -> None:
    held = arrays() | CASES[case]
    content = as_linear_layers(held, "sae.") | CASES[case] if layers else held
    savez(tmp_path / "s.npz", content)
    session = opened()
    expected = naive(held, states(session), case.split()[0], "not taken off" not in case)
    for row in (0, 3, ROWS - 1):
        told = answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, {row})")
        np.testing.assert_allclose(at_every_token(session, "quote"), expected[:, row], atol=1e-12, err_msg=case)
        assert any(f"above 0 at {int((expected[:, row] > 0).sum())} of " in line for line in told)
        assert any("assumed" in line for line in told) == ("not taken off" not in case)
    assert 0 < int((expected[:, [0, 3, ROWS - 1]] > 0).sum()) < expected.size


def test_what_is_typed_behind_the_row_is_taken(tmp_path: Path) -> None:
    held = arrays()
    savez(tmp_path / "s.npz", held)
    session = opened()
    for words, kind, more, taken in (
        ("relu, without b_dec", "relu", {}, False),
        ("jumprelu .4", "jumprelu", {"threshold": 0.4}, True),
        ("topk 5, with b_dec", "top", {"k": 5}, True),
    ):
        answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 2, {words})")
        expected = naive({**held, **{name: np.array(one) for name, one in more.items()}}, states(session), kind, taken)
        np.testing.assert_allclose(at_every_token(session, "quote"), expected[:, 2], atol=1e-12)


def test_how_much_is_rebuilt_is_counted_and_the_wrong_reading_noticed(tmp_path: Path) -> None:
    session = opened()
    x, before = states(session), np.full(UNITS, 3.0)
    way = np.linalg.qr(np.random.default_rng(1).normal(size=(UNITS, UNITS)))[0]
    held = {
        "W_enc": np.concatenate([way, -way], axis=1), "b_enc": np.zeros(2 * UNITS),
        "W_dec": np.concatenate([way.T, -way.T]), "b_dec": before,
    }  # fmt: skip
    savez(tmp_path / "s.npz", held)
    told = " ".join(answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 0)"))
    assert "rebuilds 100 % of the variance" in told
    told = " ".join(answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 0, without b_dec)"))
    out = np.maximum(x @ held["W_enc"], 0) @ held["W_dec"] + before
    assert np.square(x - out).sum() > np.square(x - x.mean(axis=0)).sum()
    assert "rebuilds nothing" in told
    assert "100 % of it with b_dec taken off" in told


@pytest.mark.parametrize("words", ["relu", "jumprelu .4", "topk 6"])
def test_it_is_set_by_the_least_change_and_never_to_what_cannot_come_out(words: str, tmp_path: Path) -> None:
    savez(tmp_path / "s.npz", arrays(3))
    session = opened()
    answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 4, {words})")
    before = states(session)
    weights = np.array(session.frame.names.features["quote"].weights)
    for number in (9.0, 0.0):
        answer(session, f"set quote @ 2 = {number}")
        assert at_every_token(session, "quote")[2] == pytest.approx(number, abs=1e-5)
        moved = states(session)[2] - before[2]
        assert np.abs(moved - weights * (moved @ weights) / (weights @ weights)).max() < 1e-5, "nothing across it"
        assert at_every_token(session, "quote")[2] == 0 or number
        answer(session, "undo")
    with pytest.raises(UserError, match="never below 0"):
        answer(session, "set quote @ 2 = -1")
    if "jump" in words:
        with pytest.raises(UserError, match="above the threshold"):
            answer(session, "set quote @ 2 = 0.3")
    np.testing.assert_array_equal(states(session), before)


def test_of_the_largest_it_is_not_set_where_others_stay_larger(tmp_path: Path) -> None:
    savez(tmp_path / "s.npz", arrays(3))
    session = opened()
    answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 4, topk 1)")
    with pytest.raises(UserError, match="others of the dictionary are larger"):
        answer(session, "set quote @ 2 = 0.01")


def test_a_feature_is_held_over_a_range_with_what_comes_before_it_held() -> None:
    session = opened()
    answer(session, "feature d = layer0.forward.c · [" + ", ".join(["0.5", "-1.0"] * 8) + "] + 0.25")
    before = states(session)
    answer(session, "set d @ 3:7 = 1.5")
    held = at_every_token(session, "d")
    np.testing.assert_allclose(held[3:7], 1.5, atol=1e-5)
    together = states(session)
    answer(session, "undo")
    for t in range(3, 7):
        answer(session, f"set d @ {t} = 1.5")
    np.testing.assert_array_equal(states(session), together, "as one after the other")
    np.testing.assert_array_equal(together[:3], before[:3])


def test_a_share_along_a_direction_is_that_of_the_ledger_at_every_step() -> None:
    session = opened()
    random = np.random.default_rng(2)
    weights = random.normal(size=UNITS)
    answer(session, f"feature d = layer0.forward.c · [{', '.join(map(repr, map(float, weights)))}] + 0.5")
    answer(session, "feature one = layer0.forward.c · [" + ", ".join(["0.0"] * 5 + ["1.0"] + ["0.0"] * 10) + "]")
    answer(session, "set c[3] @ 2 = 0.7")
    passed = session.frame.trace[PASS]
    flow = flow_of(passed, "c")
    assert flow is not None
    for t in range(session.frame.steps):
        answer(session, f"goto {t}")
        ledger = ledger_at(passed, flow, t)
        parts = np.abs(ledger.by_token @ weights)
        assert ledger.edits is not None
        whole = parts.sum() + abs(ledger.start @ weights) + np.abs(ledger.edits @ weights).sum()
        share = float(session.evaluate("share(tok[0], d)").value.values[0, 0])
        assert share == pytest.approx(parts[0] / whole, rel=1e-9)
        of_unit = float(session.evaluate("share(tok[0], c[5])").value.values[0, 0])
        assert float(session.evaluate("share(tok[0], one)").value.values[0, 0]) == pytest.approx(of_unit, rel=1e-9)
    answer(session, 'break share("she", d) < 0.1')
    assert "moved by" in " ".join(answer(session, 'who share("she", d)'))
    with pytest.raises(UserError, match="has no units"):
        answer(session, 'print share("she", d[0])')
    answer(session, "feature quote = random(h)")
    with pytest.raises(UserError, match="no memory whose writers"):
        answer(session, 'print share("she", quote)')


def test_who_tells_what_keeping_and_writing_made_of_the_sum_and_that_it_ends_at_the_relu(tmp_path: Path) -> None:
    savez(tmp_path / "s.npz", arrays(3))
    session = opened()
    answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, 4)")
    answer(session, "goto end")
    told = answer(session, "who quote")
    assert any("keeping moved its sum by" in line and "exact of the sum; what comes out" in line for line in told)
    assert any("of which no token has a part" in line for line in answer(session, "feature quote"))


def test_a_saved_session_has_its_activation_to_the_bit(tmp_path: Path) -> None:
    savez(tmp_path / "s.npz", arrays() | {"k": np.array(6)})
    session = opened()
    for name, words in (("one", ", relu"), ("two", ", jumprelu .25"), ("three", "")):
        answer(session, f"feature {name} = sae(c, {tmp_path / 's.npz'}, 5{words})")
    again = opened()
    for line in script_of(session):
        if line.startswith("feature "):
            answer(again, line)
    assert again.frame.names.features == session.frame.names.features
    for name in ("one", "two", "three"):
        np.testing.assert_array_equal(at_every_token(again, name), at_every_token(session, name))


def test_rows_of_one_dictionary_are_saved_with_it_once_and_it_is_held_once(tmp_path: Path) -> None:
    rows = 8192  # more numbers than a line of text would be read with in each of them
    savez(tmp_path / "s.npz", arrays(1, rows) | {"k": np.array(64)})
    savez(tmp_path / "t.npz", arrays(2, rows) | {"k": np.array(64)})
    session = opened()
    asked = {"a": ("s", 3), "b": ("s", 8000), "other": ("t", 8000), "more": ("s", 17)}
    for name, (file, row) in asked.items():
        answer(session, f"feature {name} = sae(c, {tmp_path / file}.npz, {row})")
    answer(session, f"save-session {tmp_path / 'w.ltui'}")
    assert (tmp_path / "w.ltui").stat().st_size < 2.1 * 4 / 3 * rows * (4 * UNITS + 8)
    again = opened()
    for line in read_script(tmp_path / "w.ltui").lines:
        if line.startswith("feature "):
            answer(again, line)
    features = again.frame.names.features
    assert features == session.frame.names.features
    assert list(features) == list(asked)
    for held in (features, session.frame.names.features):
        assert len({id(one.dictionary) for one in held.values()}) == 2
    for name, (file, row) in asked.items():
        given = dict(np.load(tmp_path / f"{file}.npz"))
        every = naive(given, states(again), "top")
        np.testing.assert_allclose(at_every_token(again, name), every[:, row], atol=1e-6)
    for wrong in ("like nothing", "like d", "like a"):
        with pytest.raises(UserError) as error:
            answer(again, f"feature z = layer0.forward.c · [{', '.join('1' * UNITS)}] behind top 3 of 9 as 1 {wrong}")
        assert "\n" not in str(error.value)


def test_how_much_is_rebuilt_is_the_same_in_any_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    savez(tmp_path / "s.npz", arrays(3) | {"k": np.array(7)})
    values = np.random.default_rng(4).normal(size=(101, UNITS))
    for words in (["4"], ["4", "relu"], ["4", "jumprelu .2"]):
        read = row_of_autoencoder("q", PASS, "c", UNITS, str(tmp_path / "s.npz"), words)
        whole = read.rebuilt(values, True)
        with monkeypatch.context() as patch:
            patch.setattr("lstm_tui.debugger.commands.autoencoder.STRETCH", 7 * ROWS)
            assert read.rebuilt(values, True) == pytest.approx(whole, rel=1e-12)


BAD: dict[str, dict[str, Array]] = {
    "no encoder": {"W_dec": np.ones((4, UNITS))},
    "of another size": {"W_enc": np.ones((3, 5)), "b_enc": np.ones(5)},
    "more added than rows": {"W_enc": np.ones((UNITS, 5)), "b_enc": np.ones(6)},
    "not finite": {"W_enc": np.full((UNITS, 5), np.nan), "b_enc": np.ones(5)},
    "another activation": {"W_enc": np.ones((UNITS, 5)), "activation": np.array("\x1b[31mgelu")},
    "topk without k": {"W_enc": np.ones((UNITS, 5)), "activation": np.array("topk")},
    "k of too many": {"W_enc": np.ones((UNITS, 5)), "k": np.array(6)},
    "k that is none": {"W_enc": np.ones((UNITS, 5)), "k": np.array([1, 2])},
    "gated": {"W_enc": np.ones((UNITS, 5)), "r_mag": np.ones(5)},
    "jumprelu without threshold": {"W_enc": np.ones((UNITS, 5)), "activation": np.array("jumprelu")},
    "thresholds of others": {"W_enc": np.ones((UNITS, 5)), "threshold": np.ones(3)},
    "taken off of another size": {"W_enc": np.ones((UNITS, 5)), "b_dec": np.ones(3)},
    "text": {"W_enc": np.array("hello")},
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_is_none_is_one_line(case: str) -> None:
    with pytest.raises(UserError) as error:
        autoencoder_of(BAD[case], "s.npz", UNITS)
    assert "\x1b" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "row", ["", "x", "99", "-1", "2, gelu", "2, topk", "2, topk 99", "2, jumprelu", "2, jumprelu nan", "2, topk 0"]
)
def test_a_row_that_is_none_is_one_line_and_changes_nothing(row: str, tmp_path: Path) -> None:
    savez(tmp_path / "s.npz", arrays())
    session = opened()
    with pytest.raises(UserError) as error:
        answer(session, f"feature quote = sae(c, {tmp_path / 's.npz'}, {row})")
    assert "\n" not in str(error.value)
    assert not session.frame.names.features
    for line in (
        "feature quote = layer0.forward.c · [1.0] + 0.0 behind top 3 of 9 as 1 f4 AAAA",
        "feature quote = layer0.forward.c · [1.0] + 0.0 behind gelu",
        "feature quote = layer0.forward.c · [1.0] + 0.0 behind jumprelu nan",
    ):
        with pytest.raises(UserError):
            answer(session, line)


@pytest.mark.parametrize("exact", [True, False])
def test_a_dictionary_holds_every_number_as_it_was_given(exact: bool) -> None:
    """Packed in float32 only where every number is one: a half of them being so is not enough."""
    weights = np.array([[0.5, 0.25], [0.1, 2.0]]) if not exact else np.array([[0.5, 0.25], [-1.5, 2.0]])
    kept = Dictionary.of(weights, np.array([0.1, -3.0]))
    assert np.array_equal(kept.weights, weights)
    assert np.array_equal(kept.biases, [0.1, -3.0])
    assert len(kept.content) == 4 * (4 if exact else 8) + 16
