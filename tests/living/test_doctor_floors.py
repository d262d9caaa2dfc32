"""How small a loss can be without reading better, beside entropy and variance; models that do not run as they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.captures.loss_floors import _FACTORS, floors
from lstm_tui.formats.captures.seen_axes import SeenAxes

torch: Any = pytest.importorskip("torch")
F, nn = torch.nn.functional, torch.nn


def _cross(output: Any, targets: Any) -> Any:
    return F.cross_entropy(output.reshape(-1, output.shape[-1]), targets.reshape(-1))


_FORMS: dict[str, Any] = {  # what a model gives, the loss of it, and what it gives by a factor more sure
    "logits": (lambda a: a, _cross, lambda a, by: a * by),
    "logarithms": (
        lambda a: torch.log_softmax(a, -1),
        lambda output, aim: F.nll_loss(output.reshape(-1, output.shape[-1]), aim.reshape(-1)),
        lambda a, by: torch.log_softmax(a * by, -1),
    ),
    "probabilities": (
        lambda a: torch.softmax(a, -1),
        lambda output, aim: F.nll_loss(output.reshape(-1, output.shape[-1]).log(), aim.reshape(-1)),
        lambda a, by: torch.softmax(a * by, -1),
    ),
}


@pytest.mark.parametrize("form", _FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_one_answer_has_the_entropy_of_the_classes_and_a_surer_one_its_own_loss(form: str, seed: int) -> None:
    made, loss, sharper = _FORMS[form]
    rng = np.random.default_rng(seed)
    logits = [torch.from_numpy(rng.normal(0, 4, (5, 7, 3))) for _ in range(4)]
    targets = [torch.from_numpy(rng.choice(3, (5, 7), p=[0.6, 0.3, 0.1])) for _ in range(4)]
    found = floors(torch, [made(one) for one in logits], targets, loss, SeenAxes(5, 1, 1), lambda: False)
    share = np.bincount(torch.cat(targets).flatten().numpy(), minlength=3) / 140
    entropy = -sum(one * math.log(one) for one in share if one)
    assert found.one_answer == pytest.approx(entropy, rel=2e-3)
    assert found.one_answer >= entropy - 1e-9
    each = [np.mean([float(loss(sharper(one, by), aim)) for one, aim in zip(logits, targets, strict=True)])
            for by in _FACTORS]  # fmt: skip
    assert found.as_sure == pytest.approx(min(each), rel=1e-5)


def test_of_numbers_one_answer_has_their_variance() -> None:
    rng = np.random.default_rng(4)
    targets = [torch.from_numpy(rng.normal(2, 1, (6, 9, 2))) for _ in range(5)]
    answers = [one + torch.from_numpy(rng.normal(0, 3, (6, 9, 2))) for one in targets]
    found = floors(torch, answers, targets, F.mse_loss, SeenAxes(6, 1, 1), lambda: False)
    assert found.one_answer == pytest.approx(float(torch.cat(targets).var(dim=(0, 1), correction=0).mean()), rel=1e-3)


def test_of_each_between_0_and_1_the_one_answer_is_their_share() -> None:
    rng = np.random.default_rng(5)
    answers = [torch.from_numpy(rng.random(40)) for _ in range(4)]
    targets = [torch.from_numpy((rng.random(40) < 0.3).astype(float)) for _ in range(4)]
    found = floors(torch, answers, targets, F.binary_cross_entropy, SeenAxes(40), lambda: False)
    share = float(torch.cat(targets).mean())
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert found.one_answer == pytest.approx(entropy, rel=2e-3)
    assert math.isfinite(found.as_sure)


def test_where_nothing_can_be_known_nothing_is() -> None:
    axes, aims = SeenAxes(4), [torch.zeros(4)] * 4

    def raising(output: Any, targets: Any) -> Any:
        raise KeyError("no")

    for answers, loss in (
        ([torch.ones(4)] * 4, raising), ([(torch.ones(4),)] * 4, F.mse_loss),
        ([torch.ones(4, dtype=int)] * 4, F.mse_loss),
        ([torch.ones(4, 2), torch.ones(4, 3), *[torch.ones(4, 2)] * 2], F.mse_loss),
    ):  # fmt: skip
        found = floors(torch, answers, aims, loss, axes, lambda: False)
        assert found.one_answer == found.as_sure == math.inf


class _Last(nn.Module):  # type: ignore[misc,name-defined]
    """Says which of four it read last, by the state at the end."""

    def __init__(self, sure: float = 20.0) -> None:
        super().__init__()
        self.rnn, self.sure = nn.RNN(4, 4, batch_first=True, bias=False), sure
        with torch.no_grad():
            self.rnn.weight_ih_l0.copy_(torch.eye(4))
            self.rnn.weight_hh_l0.zero_()

    def forward(self, x: Any) -> Any:
        return self.rnn(x)[1][0] * self.sure


def _read(seed: int, count: int = 6) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(count):
        said = torch.from_numpy(rng.integers(0, 4, (16, 10)))
        pairs.append((F.one_hot(said, 4).float(), said[:, -1]))
    return pairs


def test_of_a_model_that_does_not_run_the_axes_are_tried() -> None:
    model = _Last()
    assert not lstm_tui.doctor(model, _read(0), F.cross_entropy).findings
    model.rnn.batch_first = False
    found = lstm_tui.doctor(model, _read(0), F.cross_entropy)
    (only,) = found.findings
    assert str(only).startswith("axes: rnn takes time for the batch: the loss is ")
    assert "the model does not run" in str(only)
    assert "ValueError" in str(found)
    wrong = [(x, torch.from_numpy(np.random.default_rng(n).integers(0, 4, 16))) for n, (x, _) in enumerate(_read(0))]
    with pytest.raises(UserError, match="does not run on these batches: ValueError"):
        lstm_tui.doctor(model, wrong, F.cross_entropy)  # it runs turned, and predicts nothing then


def test_a_way_that_is_no_better_than_one_answer_is_not_told() -> None:
    """Of wrong targets any way that makes the model less sure has a smaller loss, and explains nothing."""
    model = _Last()
    wrong = [(x, (said + 1) % 4) for x, said in _read(1)]
    found = lstm_tui.doctor(model, wrong, F.cross_entropy)
    assert found.loss > found.one_answer > 1
    assert not found.findings
    assert f"{found.one_answer:.2f}" in str(found)
    assert any(one.after < 0.9 * found.loss for one in found.ways)
    assert len(found.ways) == found.tried


def test_the_losses_of_fewer_steps_say_so() -> None:
    from campaigns.fed_wrong import NextToken, cross, spoken

    pairs = spoken(np.random.default_rng(0), 4)
    ways = lstm_tui.doctor(NextToken(), pairs, cross).ways
    for one in ways:
        of = {"targets": " over the same steps ", "state": " without the first batch "}.get(one.kind, " (smaller")
        assert of in str(one)
    assert {"targets", "order"} <= {one.kind for one in ways}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_sum_is_told_as_its_mean_is(reduction: str) -> None:
    model = _Last()
    turned = [(x.flip(1), said) for x, said in _read(2)]
    found = lstm_tui.doctor(model, turned, lambda output, aim: F.cross_entropy(output, aim, reduction=reduction))
    assert found.findings
    assert all(one.kind == "order" for one in found.findings)
