"""`python -m tests.campaigns.fed_wrong --seed 1`: bugs between data and model, planted in seven networks: named?

Seven small networks learn, rightly fed; then each is fed right, where `lstm_tui.doctor` has to be silent, and wrong in
one way at a time, where it has to name that way first.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

import lstm_tui

torch: Any = import_module("torch")
nn = torch.nn
COUNT, STEPS, IDS, PAD = 8, 12, 12, 0
HARMS = 1.5
"""By which factor the loss has to grow for something planted to be a bug."""
Pairs = list[tuple[Any, Any]]


class Classifier(nn.Module):  # type: ignore[misc,name-defined]
    """Which of two words came last, read with its padding at the left; what was before does not matter."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn, self.head = nn.Embedding(IDS, 8), nn.LSTM(8, 12, batch_first=True), nn.Linear(12, 2)

    def forward(self, ids: Any) -> Any:
        return self.head(self.rnn(self.table(ids))[0][:, -1])


class NextToken(nn.Module):  # type: ignore[misc,name-defined]
    """The next token of a language in which each word has two that may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn, self.head = nn.Embedding(IDS, 8), nn.GRU(8, 16, batch_first=True), nn.Linear(16, IDS)

    def forward(self, ids: Any) -> Any:
        return self.head(self.rnn(self.table(ids))[0])


class BothWays(nn.Module):  # type: ignore[misc,name-defined]
    """A tagger of two LSTMs by hand, of which the second reads the sequence turned round."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Embedding(IDS, 8), nn.Linear(16, 3)
        self.rnn, self.back, self.flips = nn.LSTM(8, 8, batch_first=True), nn.LSTM(8, 8, batch_first=True), True

    def forward(self, ids: Any) -> Any:
        x = self.table(ids)
        back = self.back(x.flip(1))[0]
        return self.head(torch.cat([self.rnn(x)[0], back.flip(1) if self.flips else back], -1))


class OneModule(nn.Module):  # type: ignore[misc,name-defined]
    """A tagger of one LSTM that reads both ways; what it gives is `put` together, as it should be or not."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn = nn.Embedding(IDS, 8), nn.LSTM(8, 8, batch_first=True, bidirectional=True)
        self.head = nn.Linear(16, 3)
        self.put: Any = lambda forwards, backwards: (forwards, backwards)

    def forward(self, ids: Any) -> Any:
        return self.head(torch.cat(self.put(*self.rnn(self.table(ids))[0].chunk(2, -1)), -1))


class Copier(nn.Module):  # type: ignore[misc,name-defined]
    """Says a sequence again: an LSTM reads it, a cell is fed what it should have said."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.rnn, self.cell = nn.Embedding(IDS, 8), nn.LSTM(8, 24, batch_first=True), nn.LSTMCell(8, 24)
        self.head = nn.Linear(24, IDS)
        self.keeps: Any = lambda h, c: (h, c)

    def forward(self, ids: Any, said: Any) -> Any:
        _, (h, c) = self.rnn(self.table(ids))
        h, c, answers = h[0], c[0], []
        for word in self.table(said).unbind(1):
            h, c = self.keeps(*self.cell(word, (h, c)))
            answers.append(self.head(h))
        return torch.stack(answers, 1)


class Stateful(nn.Module):  # type: ignore[misc,name-defined]
    """Numbers in pieces: how many marks there were since the beginning, of pieces that go on, or of each by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head, self.keeps = nn.LSTM(2, 12, batch_first=True), nn.Linear(12, 1), False
        self.state: Any = None

    def forward(self, x: Any) -> Any:
        y, state = self.rnn(x, self.state)
        if self.keeps:
            self.state = tuple(one.detach() for one in state)
        return self.head(y)[..., 0]


class Series(nn.Module):  # type: ignore[misc,name-defined]
    """Numbers, time first: the sign of a leaky sum of one column, at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(2, 12, batch_first=True), nn.Linear(12, 2)

    def forward(self, x: Any) -> Any:
        return self.head(self.rnn(x)[0])


def classified(rng: np.random.Generator, count: int) -> Pairs:
    made = []
    for _ in range(count):
        ids, labels = np.zeros((16, STEPS), np.int64), np.zeros(16, np.int64)
        for row in range(16):
            length = int(rng.integers(5, STEPS))
            words = rng.integers(3, 9, length)
            places = rng.choice(length - 1, 2, replace=False)
            words[places] = [1, 2] if rng.random() < 0.5 else [2, 1]
            labels[row] = int(words[max(places)] == 2)
            ids[row, STEPS - length :] = words
        made.append((torch.from_numpy(ids), torch.from_numpy(labels)))
    return made


def spoken(rng: np.random.Generator, count: int) -> Pairs:
    follows = np.random.default_rng(5).integers(2, 10, (IDS, 2))
    made = []
    for _ in range(count):
        rows = np.zeros((16, STEPS + 1), np.int64)
        rows[:, 0] = rng.integers(2, 10, 16)
        for t in range(STEPS):
            rows[:, t + 1] = follows[rows[:, t], (rng.random(16) < 0.15).astype(int)]
        made.append((torch.from_numpy(rows[:, :-1].copy()), torch.from_numpy(rows[:, 1:].copy())))
    return made


def tagged(rng: np.random.Generator, count: int) -> Pairs:
    made = []
    for _ in range(count):
        ids = rng.integers(3, 9, (16, STEPS))
        later = np.concatenate([ids[:, 1:], np.full((16, 1), 4)], 1)
        before = np.concatenate([np.full((16, 1), 4), ids[:, :-1]], 1)
        made.append((torch.from_numpy(ids), torch.from_numpy((later % 2) + (before > 6))))
    return made


def copied(rng: np.random.Generator, count: int) -> Pairs:
    made = []
    for _ in range(count):
        ids = torch.from_numpy(rng.integers(1, 7, (32, 3)))
        said = torch.cat([torch.zeros_like(ids[:, :1]), ids[:, :-1]], 1)  # what it should have said before
        made.append(((ids, said), ids))
    return made


def counted(rng: np.random.Generator, count: int, goes_on: bool) -> Pairs:
    made, sums = [], np.zeros(16)
    for _ in range(count):
        marks = (rng.random((16, STEPS)) < 0.15).astype(np.float32)
        if not goes_on:
            sums = np.zeros(16)
        total = sums[:, None] + np.cumsum(marks, 1)
        sums = total[:, -1]
        x = np.stack([marks, rng.normal(size=marks.shape).astype(np.float32)], -1)
        made.append((torch.from_numpy(x), torch.from_numpy((total / 4).astype(np.float32))))
    return made


def summed(rng: np.random.Generator, count: int) -> Pairs:
    made = []
    for _ in range(count):
        x = rng.normal(size=(16, 16, 2)).astype(np.float32)
        level = np.zeros(16)
        signs = []
        for t in range(16):
            level = 0.6 * level + x[:, t, 0]
            signs.append((level > 0).astype(np.int64))
        made.append((torch.from_numpy(x), torch.from_numpy(np.stack(signs, 1))))
    return made


def cross(output: Any, targets: Any) -> Any:
    return nn.functional.cross_entropy(output.reshape(-1, output.shape[-1]), targets.reshape(-1))


def square(output: Any, targets: Any) -> Any:
    return nn.functional.mse_loss(output, targets)


def learned(model: Any, pairs: Pairs, loss: Callable[[Any, Any], Any], reset: bool = True) -> Any:
    """Train a model, by Adam written out."""
    moments = [(torch.zeros_like(one), torch.zeros_like(one)) for one in model.parameters()]
    for n, (batch, targets) in enumerate(pairs, 1):
        if reset and isinstance(model, Stateful):
            model.state = None
        model.zero_grad()
        loss(model(*batch) if isinstance(batch, tuple) else model(batch), targets).backward()
        with torch.no_grad():
            for one, (first, second) in zip(model.parameters(), moments, strict=True):
                first.mul_(0.9).add_(one.grad, alpha=0.1)
                second.mul_(0.999).add_(one.grad**2, alpha=0.001)
                one -= 0.02 * (first / (1 - 0.9**n)) / ((second / (1 - 0.999**n)).sqrt() + 1e-8)
    return model


@dataclass(frozen=True)
class Planted:
    """A network that has learned, fed in one way; `wanted` begins what the doctor has to say first; empty: nothing."""

    name: str
    model: Any
    pairs: Pairs
    loss: Callable[[Any, Any], Any]
    wanted: str


def cases(seed: int) -> Iterator[Planted]:
    """Yield seven networks rightly fed, and twenty ways to feed them, or to put them together, wrongly."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = learned(Classifier(), classified(rng, 500), cross)
    pairs = classified(rng, COUNT)
    yield Planted("classifier", model, pairs, cross, "")
    right = [(torch.stack([row.roll(-int((row == PAD).sum())) for row in ids]), labels) for ids, labels in pairs]
    yield Planted("classifier, padded on the right", model, right, cross, "padding")
    shifted = [(torch.where(ids == PAD, ids, ids + 1), labels) for ids, labels in pairs]
    yield Planted("classifier, ids one too large", model, shifted, cross, "ids: every id is 1 too large")
    turned = [(torch.stack([torch.cat([row[row == PAD], row[row != PAD].flip(0)]) for row in ids]), labels)
              for ids, labels in pairs]  # fmt: skip
    yield Planted("classifier, read from the end", model, turned, cross, "order")
    others = [(ids, 1 - labels) for ids, labels in pairs]
    yield Planted("classifier, classes exchanged", model, others, cross, "targets: the two classes")
    model = learned(NextToken(), spoken(rng, 300), cross)
    pairs, speaker = spoken(rng, COUNT), model
    rows = [torch.cat([ids, targets[:, -1:]], 1) for ids, targets in pairs]
    yield Planted("next token", model, pairs, cross, "")
    of_the_step = "targets: each step has those of the step"
    same = [(ids, ids) for ids, _ in pairs]
    yield Planted("next token, targets are the inputs", model, same, cross, f"{of_the_step} before")
    late = [(ids[:, :-1], targets[:, 1:]) for ids, targets in pairs]
    yield Planted("next token, targets of the step after", model, late, cross, f"{of_the_step} after")
    moved = [(ids - 2, targets) for ids, targets in pairs]
    yield Planted("next token, ids two too small", model, moved, cross, "ids: every id is 2 too small")
    model = learned(BothWays(), tagged(rng, 400), cross)
    pairs = tagged(rng, COUNT)
    yield Planted("both ways", model, pairs, cross, "")
    unflipped = BothWays()
    unflipped.load_state_dict(model.state_dict())
    unflipped.flips = False
    wanted = "order: what back gives stands in the reverse order"
    yield Planted("both ways, never flipped back", unflipped, pairs, cross, wanted)
    model = learned(OneModule(), tagged(rng, 400), cross)
    yield Planted("one module", model, pairs, cross, "")
    for what, put, wanted in (
        ("never flipped back", lambda one, other: (one, other.flip(1)), "order: the half of rnn that reads backwards"),
        ("halves exchanged", lambda one, other: (other, one), "order: the halves of rnn"),
    ):
        wrong = OneModule()
        wrong.load_state_dict(model.state_dict())
        wrong.put = put
        yield Planted(f"one module, {what}", wrong, pairs, cross, wanted)
    model = learned(Copier(), copied(rng, 400), cross)
    pairs = copied(rng, COUNT)
    yield Planted("copier", model, pairs, cross, "")
    late = [(batch, targets.roll(1, 1)) for batch, targets in pairs]
    yield Planted("copier, targets a step late", model, late, cross, f"{of_the_step} before")
    wrong = Copier()
    wrong.load_state_dict(model.state_dict())
    wrong.keeps = lambda h, c: (c, h)
    yield Planted("copier, h and c exchanged", wrong, pairs, cross, "state: the h and c that cell gives")
    model = learned(Stateful(), counted(rng, 400, False), square)
    alone = counted(rng, COUNT, False)
    yield Planted("counter", model, alone, square, "")
    keeping = Stateful()
    keeping.load_state_dict(model.state_dict())
    keeping.keeps = True
    yield Planted("counter, state never reset", keeping, alone, square, "state: a state is kept")
    going_on = counted(rng, COUNT, True)
    yield Planted("counter, state lost between pieces", model, going_on, square, "state: every batch begins anew")
    model = learned(Series(), summed(rng, 300), cross)
    pairs = summed(rng, COUNT)
    yield Planted("series", model, pairs, cross, "")
    turned = [(x.flip(1), targets) for x, targets in pairs]
    yield Planted("series, read from the end", model, turned, cross, "order: sequences are read from the wrong end")
    wrong = Series()
    wrong.load_state_dict(model.state_dict())
    wrong.rnn.batch_first = False
    yield Planted("series, time for the batch", wrong, pairs, cross, "axes: rnn takes time for the batch")
    itself = [(one[:, 2:], one[:, 2:]) for one in rows]
    yield Planted("next token, inputs and targets two later", speaker, itself, cross, f"{of_the_step} before")
    behind = [(one[:, 1:-2], one[:, 3:]) for one in rows]
    yield Planted("next token, inputs one later, targets two", speaker, behind, cross, f"{of_the_step} after")
    lessons = [torch.cat([ids, targets[:, -1:]], 1) for ids, targets in spoken(rng, 300)]
    for name, by, wanted in (("itself", 0, "at its step"), ("the token after the next", 2, "2 steps later")):
        taught = learned(NextToken(), [(one[:, :-2], one[:, by : by - 2 or None]) for one in lessons], cross)
        said = [(one[:, :-2], one[:, by : by - 2 or None]) for one in rows]
        wanted = f"targets: each is the id that is read {wanted}"
        yield Planted(f"next token, learned as {name}", taught, said, cross, wanted)


def main(words: list[str] | None = None) -> int:
    """Try every case and print what was named; return 1 where one was missed or a sound one alarmed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(words)
    torch.set_num_threads(1)
    started, wrong, count, sound = time.monotonic(), 0, 0, 0.0
    for case in cases(options.seed):
        found = lstm_tui.doctor(case.model, case.pairs, case.loss)
        first = str(found.findings[0]) if found.findings else found.remark
        sound = sound if case.wanted else found.loss
        if case.wanted and not first and found.loss < HARMS * sound:  # a network may read right whatever side is filled
            print(f"{case.name}: does no harm, loss {found.loss:.3g}", flush=True)
            continue
        good = first.startswith(case.wanted) if case.wanted else not first
        wrong, count = wrong + (not good), count + 1
        print(f"{'' if good else 'WRONG  '}{case.name}: {first or f'sound, loss {found.loss:.3g}'}", flush=True)
    print(f"{count - wrong} of {count} as they are, {time.monotonic() - started:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
