"""Bugs between data and model: planted ones are named, sound ones raise no alarm; what is clear has a definition."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures.otherwise import Otherwise, Trial
from lstm_tui.living.doctor import AGREEING, CLEAR, SHARE, is_better

_LOSSES = st.lists(st.tuples(st.floats(0.0, 10.0), st.floats(0.0, 10.0)), min_size=3, max_size=12)


@given(_LOSSES)
def test_clearly_better_is_what_it_is_said_to_be(losses: list[tuple[float, float]]) -> None:
    before, after = (np.array(one) for one in zip(*losses, strict=True))
    gains = [one - other for one, other in losses]
    mean = sum(gains) / len(gains)
    spread = (sum((one - mean) ** 2 for one in gains) / (len(gains) - 1)) ** 0.5 / len(gains) ** 0.5
    conditions = (mean - SHARE * sum(before) / len(before), sum(one > 0 for one in gains) / len(gains) - AGREEING,
                  mean - CLEAR * spread)  # fmt: skip
    if min(abs(one) for one in (conditions[0], conditions[2])) > 1e-9:
        wanted = conditions[0] > 0 and conditions[1] >= 0 and conditions[2] > 0
        assert is_better(Trial(Otherwise("", ""), before, after)) == wanted


def test_what_is_no_number_is_never_better() -> None:
    before, after = np.full(5, 2.0), np.array([0.1, 0.1, np.nan, 0.1, 0.1])
    assert not is_better(Trial(Otherwise("", ""), before, after))


@pytest.mark.slow
def test_ten_planted_ones_on_five_networks_are_named_and_sound_ones_are_not() -> None:
    pytest.importorskip("torch")
    from campaigns.fed_wrong import cases

    tried = list(cases(1))
    assert len({case.name.partition(",")[0] for case in tried}) == 5
    assert sum(bool(case.wanted) for case in tried) == 10
    for case in tried:
        found = lstm_tui.doctor(case.model, case.pairs, case.loss).findings
        assert str(found[0]).startswith(case.wanted) if case.wanted else not found, (case.name, found)


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

    model, pairs = Series(), summed(np.random.default_rng(0), 4)
    for batches, loss, said in (
        (pairs[:2], cross, "at least 4"), ([1, 2, 3, 4], cross, "pairs"),
        ([(x[..., :1], y) for x, y in pairs], cross, "does not run on these"),
        (pairs, lambda output, targets: output, "one number"),
        (pairs, lambda output, targets: cross(output, targets) * torch.nan, "the loss of Series is nan"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said) as told:
            lstm_tui.doctor(model, batches, loss)
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
            assert str(found[0]).startswith("targets: they stand 1 step too early"), (time, steps, found)
            columns = [(one, torch.tanh(one.select(time, -1)).roll(1, 1)) for one in made]
            found = lstm_tui.doctor(Model(time, True), columns, nn.functional.mse_loss).findings
            assert not any(one.kind == "targets" for one in found), (time, steps, found)
