"""What is asked of all sequences of a batch at once: where a condition holds, where a token stands; without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from made_captures import made_capture
from shown import is_one_safe_line

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.living.capture import Capture, TokenPlace, as_capture


@pytest.fixture
def run() -> Capture:
    return as_capture(made_capture(seed=3))


@pytest.mark.parametrize("limit", [0.2, 0.4, 0.5, 0.7])
def test_a_condition_is_found_in_every_sequence(run: Capture, limit: float) -> None:
    tests: dict[str, Callable[[Array], Any]] = {
        f"mean(f) < {limit}": lambda f: f.mean() < limit,
        f"f < {limit}": lambda f: (f < limit).any(),
        f"f[1] < {limit}": lambda f: f[1] < limit,
    }
    for condition, true in tests.items():
        wanted = [
            TokenPlace("enc.rnn", one.batch, 0, t, one.tokens[t])
            for one in run.runs
            for t in range(len(one))
            if true(one.f[t].astype(np.float64))
        ]
        assert list(run.find(condition)) == wanted
        assert all(is_one_safe_line(str(place)) for place in wanted)


def test_the_same_token_in_two_sequences(run: Capture) -> None:
    one, other = run.places("not")
    assert (one.sequence, one.t, other.sequence, other.t) == (0, 0, 1, 0)
    assert run.places("good", "rnn") == (TokenPlace("enc.rnn", 1, 0, 2, "good"),)
    values = [run[place.at].trace.at(place.t)["layer0.forward"]["c"] for place in (one, other)]
    assert np.array_equal(values[0], run["enc.rnn", 0].c.at("not"))
    assert np.array_equal(values[1], run["enc.rnn", 1].c.at("not"))


def test_what_is_not_there_is_said_in_one_line(run: Capture) -> None:
    tests: dict[str, Callable[[], object]] = {
        "did you mean “not”": lambda: run.places("nott"),
        "is no condition": lambda: run.find("mean(f)"),
        "ff": lambda: run.find("mean(ff) < 1"),
        "column|missing": lambda: run.find("f <"),
        "no recurrent module": lambda: run.places("not", "dec"),
        "no recurrent": lambda: run.find("f < 1", "dec"),
    }
    for said, asked in tests.items():
        with pytest.raises(UserError, match=said) as told:
            asked()
        assert is_one_safe_line(str(told.value))
