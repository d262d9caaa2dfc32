"""What a model takes, changed: along the axis of time that was seen, whatever else it is given, in any precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lstm_tui.formats.captures.changed_batches import ChangedBatch, changed_batches
from lstm_tui.formats.captures.seen_axes import SeenAxes, seen_axes

pytest.importorskip("torch")


def changes(batches: list[Any], axes: SeenAxes, pad: float | None = None, ids: int = 0) -> dict[str, ChangedBatch]:
    import torch

    return {one.said: one for one in changed_batches(torch, [(one, None) for one in batches], pad, ids, axes)}


def changed(one: ChangedBatch, batch: Any) -> Any:
    made = one.change(batch, None)
    assert made is not None
    return made[0]


END = "sequences are read from the wrong end"


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("time", [0, 1])
def test_numbers_are_turned_round_along_time(time: int, dtype: str) -> None:
    import torch

    x = torch.randn(4, 4, 3).to(getattr(torch, dtype))
    made = changed(changes([x], SeenAxes(4, time, time))[END], x)
    assert made.dtype == x.dtype
    assert torch.equal(made, torch.stack(list(x.unbind(time))[::-1], time))


def test_one_sequence_alone_and_one_column_alone_are_turned_round() -> None:
    import torch

    for x, axes in (
        (torch.randn(5, 3), SeenAxes(1, 0, 0)), (torch.randn(5), SeenAxes(1, 0, 0)),
        (torch.arange(5), SeenAxes(1, 0, 0)),
        (torch.randn(5, 1), SeenAxes(1, 0, 0)), (torch.randn(5, 4), SeenAxes(4, 0, 0)),
    ):  # fmt: skip
        assert torch.equal(changed(changes([x], axes)[END], x), x.flip(0))
    series = torch.randn(4, 5)
    assert torch.equal(changed(changes([series], SeenAxes(4, 1, 1))[END], series), series.flip(1))


def test_what_is_given_besides_stays() -> None:
    import torch

    x, lengths = torch.randn(3, 5, 2), torch.tensor([5, 5, 5])
    made = changed(changes([(x, lengths)], SeenAxes(3, 1, 1))[END], (x, lengths))
    assert torch.equal(made[0], x.flip(1))
    assert made[1] is lengths


def test_of_what_has_no_steps_nothing_is_changed() -> None:
    import torch

    for batch in (torch.randn(3, 5, 2), {"x": torch.randn(3, 5, 2)}, "text", (), torch.tensor(1.0)):
        assert changes([batch], SeenAxes(3)) == {}


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_steps_of_zero_of_either_sign_fill_up_and_others_do_not(side: str, sign: float) -> None:
    import torch

    x = torch.from_numpy(np.random.default_rng(1).normal(size=(4, 6, 2)))
    lengths = (6, 4, 3, 2)
    for row, length in zip(x, lengths, strict=True):
        if side == "left":
            row[: 6 - length] *= 0.0 * sign
        else:
            row[length:] *= 0.0 * sign
    made = changes([x], SeenAxes(4, 1, 1))
    assert list(made) == [
        "steps of 0 fill sequences up on the wrong side", END, f"{END}, what fills them up included",
    ]  # fmt: skip
    moved = changed(made["steps of 0 fill sequences up on the wrong side"], x)
    turned = changed(made[END], x)
    for row, other, back, length in zip(x, moved, turned, lengths, strict=True):
        mine = row[6 - length :] if side == "left" else row[:length]
        there = other[:length] if side == "left" else other[6 - length :]
        assert torch.equal(mine, there)
        assert torch.equal(mine.flip(0), back[6 - length :] if side == "left" else back[:length])
    inside = x.clone()
    inside[0, 3] = 0.0  # where it stands within a sequence too, it does not fill up
    assert list(changes([inside], SeenAxes(4, 1, 1))) == [END]
    assert len(changes([inside], SeenAxes(4, 1, 1), pad=0.0)) == 3  # but where it is said to


@pytest.mark.parametrize("first", [True, False])
def test_time_is_seen_of_a_model_that_takes_one_length_alone(first: bool) -> None:
    import torch

    class Fixed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = torch.nn.GRU(2, 3, batch_first=first), torch.nn.Linear(18, 1)

        def forward(self, x: Any) -> Any:
            y = self.rnn(x)[0]
            return self.head((y if first else y.transpose(0, 1)).flatten(1))

    x = torch.randn(4, 6, 2) if first else torch.randn(6, 4, 2)
    assert seen_axes(torch, Fixed(), x).taken == int(first)
