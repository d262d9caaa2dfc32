"""Targets that are the ids which a model reads: how many steps later, and of which models that is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.formats.captures.targets_among_ids import _stand_later

torch: Any = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)
IDS, STEPS = 9, 7


class Speaker(nn.Module):  # type: ignore[misc,name-defined]
    """Says something of each step of ids; `how` is what it reads for it."""

    def __init__(self, how: str = "") -> None:
        super().__init__()
        both = how == "both ways"
        self.how, self.table = how, nn.Embedding(IDS, 5)
        self.rnn = nn.LSTM(5, 6, batch_first=how != "time first", bidirectional=both)
        self.again, self.head = nn.GRU(6, 6, batch_first=True), nn.Linear(12 if both else 6, IDS)

    def forward(self, ids: Any) -> Any:
        """Return numbers of each id at each step."""
        y = self.rnn(self.table(ids))[0]
        if self.how == "a text again":
            y = self.again(y[:, -1:].expand(-1, ids.shape[1], -1))[0]
        return self.head(y)


def batches(later: int, how: str = "", seed: int = 3) -> list[tuple[Any, Any]]:
    """Return five batches whose targets are the ids so many steps later; below 0, the ids before."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(5):
        rows = torch.from_numpy(rng.integers(1, IDS, (4, STEPS + 4)))
        ids, targets = rows[:, 1 : STEPS + 1], rows[:, 1 + later : STEPS + 1 + later].clone()
        if how == "padded":
            targets[:, -2:] = -100
        made.append((ids.T, targets.T) if how == "time first" else (ids, targets))
    return made


def loss(output: Any, targets: Any) -> Any:
    return nn.functional.cross_entropy(output.reshape(-1, IDS), targets.reshape(-1))


def diagnosed(how: str, given: list[tuple[Any, Any]], of: Callable[..., Any] = loss) -> Any:
    torch.manual_seed(2)
    return lstm_tui.doctor(Speaker(how), given, of)


SAID = {0: "at its step, which is no prediction", 2: "2 steps later, not the next one", 3: "3 steps later, not the"}


@pytest.mark.parametrize("how", ["", "padded", "time first"])
@pytest.mark.parametrize("later", [0, 2, 3])
def test_targets_that_are_other_ids_than_the_next_are_remarked(how: str, later: int) -> None:
    found = diagnosed(how, batches(later, how))
    assert found.remark.startswith("targets: each is the id that is read ")
    assert SAID[later] in found.remark
    assert str(found).splitlines()[-1].strip() == found.remark


def test_of_sequences_of_one_step_nothing_is_remarked() -> None:
    """Nobody can see of one step whether a model reads on."""
    given = [(ids[:, :1], ids[:, :1].clone()) for ids, _ in batches(0)]
    assert diagnosed("", given).remark == ""


def test_targets_in_one_row_are_looked_at_too() -> None:
    given = [(ids, targets.reshape(-1)) for ids, targets in batches(2)]
    assert SAID[2] in diagnosed("", given).remark


@pytest.mark.parametrize(
    ("how", "later"), [("", 1), ("padded", 1), ("time first", 1), ("", -1), ("both ways", 0), ("a text again", 0)]
)
def test_nothing_is_remarked_of_next_ids_earlier_ids_and_models_that_read_on_first(how: str, later: int) -> None:
    assert diagnosed(how, batches(later, how)).remark == ""


def test_one_other_target_is_enough_for_silence() -> None:
    given = batches(0)
    given[3][1][2, 5] = given[3][1][2, 5] % (IDS - 1) + 1
    assert diagnosed("", given).remark == ""


def test_ids_that_are_all_the_same_say_nothing() -> None:
    given = [(torch.ones(4, STEPS, dtype=torch.int64),) * 2 for _ in range(5)]
    assert diagnosed("", given).remark == ""


@pytest.mark.parametrize("by", [0, 1, 2, 3])
def test_targets_stand_later_where_each_of_them_is_the_id_that_is_read_then(by: int) -> None:
    """One other target is enough, wherever it stands; what counts for nothing, below 0, may be anything."""
    random = np.random.default_rng(by + 7)
    for _ in range(60):
        ids = random.integers(0, 4, (3, 6))
        aims = np.roll(ids, -2, axis=1)
        aims[random.random(aims.shape) < 0.3] = -1
        if random.random() < 0.5:
            aims[:, -2:] = -1
        if random.random() < 0.5:
            aims[random.integers(3), random.integers(6)] = random.integers(4)
        pairs = [
            (int(aims[row, t]), int(ids[row, t + by]))
            for row in range(3) for t in range(6) if 0 <= t + by < 6 and aims[row, t] >= 0
        ]  # fmt: skip
        stand = all(aim == id_ for aim, id_ in pairs) and len(pairs) >= 8 and len({aim for aim, _ in pairs}) > 1
        assert _stand_later([(ids, aims)], by) == stand
