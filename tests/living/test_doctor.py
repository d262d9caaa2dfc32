"""Bugs between data and model: planted ones are named, sound ones raise no alarm; what is clear has a definition."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures.otherwise import Otherwise, Trial
from lstm_tui.living.doctor import AGREEING, FALSE_ALARMS, SHARE, by_chance, is_better

_LOSSES = st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 10.0)), min_size=3, max_size=8)


@given(_LOSSES, st.integers(1, 30), st.lists(st.floats(-5.0, 5.0), max_size=6))
def test_clearly_better_is_what_it_is_said_to_be(
    losses: list[tuple[float, float]], ways: int, fits: list[float]
) -> None:
    before, after = (np.array(one) for one in zip(*losses, strict=True))
    least = SHARE * float(before.mean())
    gains = [one - other for one, other in losses]
    trial = Trial(Otherwise("", ""), before, after, before - after, np.array(fits))

    def share(values: list[float]) -> float:
        sums = [sum(sign * one for sign, one in zip(signs, values, strict=True))
                for signs in itertools.product((1, -1), repeat=len(values))]  # fmt: skip
        return sum(one >= sum(values) - 1e-9 for one in sums) / len(sums) if sum(values) > 0 else 1.0

    wanted = sum(gains) / len(gains) > least and sum(one > 0 for one in gains) / len(gains) >= AGREEING
    wanted = wanted and share([one - least for one in gains]) * ways <= FALSE_ALARMS
    wanted = wanted and (not fits or share(fits) * ways <= FALSE_ALARMS)
    if min(abs(one) for one in (sum(gains) / len(gains) - least, *(one or 1.0 for one in gains), *fits)) > 1e-3:
        assert is_better(trial, ways) == wanted


@pytest.mark.parametrize("many", [6, 14, 15, 40])
def test_a_chance_is_never_said_to_be_smaller_than_it_is(many: int) -> None:
    rng = np.random.default_rng(many)
    for _ in range(20):
        gains = rng.normal(0.4, 1.0, many) ** 3
        signs = rng.choice([-1.0, 1.0], (4000, many))
        share = float((signs @ gains >= gains.sum() - 1e-9).mean()) if gains.sum() > 0 else 1.0
        assert by_chance(gains) >= share - 4 * (share * (1 - share) / 4000) ** 0.5 - 1e-3


def test_what_is_no_number_is_never_better() -> None:
    before, after = np.full(9, 2.0), np.array([0.1, 0.1, np.nan, *[0.1] * 6])
    assert not is_better(Trial(Otherwise("", ""), before, after, np.full(9, 1.9), np.array([])))
    assert is_better(Trial(Otherwise("", ""), before, np.full(9, 0.1), np.full(9, 1.9), np.array([])))


def test_what_comes_again_counts_once_and_of_too_few_nothing_is_known() -> None:
    torch: Any = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from campaigns.fed_wrong import NextToken, Stateful, counted, cross, spoken, square

    rng = np.random.default_rng(0)
    for model, pairs, loss in (
        (NextToken(), [(ids[:5], targets[:5]) for ids, targets in spoken(rng, 1)] * 8, cross),
        (Stateful(), counted(rng, 1, False) * 4, square),
        (NextToken(), [(ids[:1], targets[:1]) for ids, targets in spoken(rng, 4)], cross),
        (NextToken(), [(ids.roll(n, 0)[:2], targets.roll(n, 0)[:2]) for ids, targets in [
            (ids[:3], targets[:3]) for ids, targets in spoken(rng, 1)] for n in range(5)], cross),
    ):  # fmt: skip
        found = lstm_tui.doctor(model, pairs, loss)
        assert not found.findings
        assert found.different < found.needed
        assert "not known" in str(found)


@pytest.mark.slow
def test_of_untrained_models_and_of_noisy_targets_at_most_one_in_twenty_raises_an_alarm() -> None:
    torch: Any = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from campaigns.fed_wrong import NextToken, Series, Stateful, counted, cross, spoken, square, summed

    kinds = ((NextToken, spoken, cross), (Series, summed, cross),
             (Stateful, lambda rng, count: counted(rng, count, False), square))  # fmt: skip
    alarms = tried = 0
    for model, data, loss in kinds:
        for seed in range(20):
            torch.manual_seed(seed)
            pairs = data(np.random.default_rng(seed), 4)
            noisy = [(x[:4], t[:4].flatten()[torch.randperm(t[:4].numel())].reshape(t[:4].shape)) for x, t in pairs]
            for batches in (pairs, noisy):
                alarms += bool(lstm_tui.doctor(model(), batches, loss).findings)
                tried += 1
    assert alarms <= 0.05 * tried


@pytest.mark.slow
def test_sixteen_planted_ones_on_seven_networks_are_named_and_sound_ones_are_not() -> None:
    pytest.importorskip("torch")
    from campaigns.fed_wrong import cases

    tried = list(cases(1))
    assert len({case.name.partition(",")[0] for case in tried}) == 7
    assert sum(bool(case.wanted) for case in tried) == 16
    for case in tried:
        found = lstm_tui.doctor(case.model, case.pairs, case.loss).findings
        assert str(found[0]).startswith(case.wanted) if case.wanted else not found, (case.name, found)
    left = next(case for case in tried if case.name == "counter, state never reset")
    left.model(left.pairs[-1][0])
    left.model.keeps = False  # what is left of training stands before every batch
    (only,) = lstm_tui.doctor(left.model, left.pairs, left.loss).findings
    assert str(only).startswith(left.wanted)


def test_an_untrained_model_raises_no_alarm_and_is_left_as_it_was() -> None:
    torch: Any = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from campaigns.fed_wrong import Stateful, counted, square

    torch.manual_seed(1)
    model = Stateful()
    model.keeps, model.state = True, (torch.zeros(1, 16, 12), torch.ones(1, 16, 12))
    model.train()
    before = [one.detach().clone() for one in (*model.parameters(), *model.state)]
    found = lstm_tui.doctor(model, counted(np.random.default_rng(0), 5, True), square)
    assert found.tried >= 4
    assert found.loss > 0
    assert not found.findings, found
    assert "none of" in str(found)
    assert model.training
    assert all(torch.equal(one, other) for one, other in zip(before, (*model.parameters(), *model.state), strict=True))
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in model.modules())


def test_what_is_wrong_is_said_in_one_line() -> None:
    torch: Any = pytest.importorskip("torch")
    from campaigns.fed_wrong import Series, cross, summed

    def raising(kind: type[Exception]) -> Any:
        def loss(output: Any, targets: Any) -> Any:
            raise kind("first\nsecond")

        return loss

    model, pairs = Series(), summed(np.random.default_rng(0), 4)
    for batches, loss, said in (
        (pairs[:2], cross, "at least 4"), ([1, 2, 3, 4], cross, "pairs"),
        ([(x[..., :1], y) for x, y in pairs], cross, "does not run on these"),
        *((pairs, raising(kind), kind.__name__) for kind in (KeyError, AttributeError, ZeroDivisionError, LookupError)),
        (pairs, lambda output, targets: output, "one number"),
        (pairs, lambda output, targets: cross(output, targets) * torch.nan, "the loss of Series is nan"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said) as told:
            lstm_tui.doctor(model, batches, loss)  # type: ignore[arg-type]
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"holds no nn\.LSTM"):
        lstm_tui.doctor(torch.nn.Linear(2, 2), pairs, cross)


def test_targets_are_moved_along_the_steps_alone() -> None:
    torch: Any = pytest.importorskip("torch")
    torch.set_num_threads(1)
    nn = torch.nn

    class Model(nn.Module):  # type: ignore[misc,name-defined]
        """Says what it read at the step before, at each step, or all it read at the last one."""

        def __init__(self, time: int, last: bool) -> None:
            super().__init__()
            self.rnn, self.time, self.last = nn.RNN(4, 4, batch_first=time == 1, bias=False), time, last
            with torch.no_grad():
                self.rnn.weight_ih_l0.copy_(torch.eye(4))
                self.rnn.weight_hh_l0.zero_()

        def forward(self, x: Any) -> Any:
            y = self.rnn(x)[0]
            return y.select(self.time, -1) if self.last else y

    for time in (0, 1):
        for steps in (4, 5):  # as long as there are columns, and not
            made = [torch.randn(12, steps, 4) for _ in range(6)]
            made = [one.transpose(0, 1) for one in made] if time == 0 else made
            late = [(one, torch.tanh(one).roll(1, time)) for one in made]
            found = lstm_tui.doctor(Model(time, False), late, nn.functional.mse_loss).findings
            assert str(found[0]).startswith("targets: each step has those of the step before"), (time, steps, found)
            columns = [(one, torch.tanh(one.select(time, -1)).roll(1, 1)) for one in made]
            found = lstm_tui.doctor(Model(time, True), columns, nn.functional.mse_loss).findings
            assert not any(one.kind == "targets" for one in found), (time, steps, found)
