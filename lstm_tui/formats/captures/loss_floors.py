"""How small a loss can be without reading better: of one answer for everything, and of answers more or less sure.

What is fed otherwise has to lead to a smaller one. A model that is wrong has a smaller loss, too, where it is less
sure, and one that is right where it is surer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.probabilities import is_distribution
from lstm_tui.formats.captures.seen_axes import SeenAxes
from lstm_tui.formats.verify.torch_calls import array_of

_FACTORS = (0.125, 0.25, 0.5, 2.0, 4.0, 8.0)
"""By what answers are multiplied, to be less and more sure."""
_ROUNDS = 8
_STEPS = 5
_NUMBERS = 1 << 22
"""Of so many numbers of answers the one answer is looked for; it is judged on all."""
_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Floors:
    """The smallest mean losses that were found without reading better; ∞ where none was found.

    Attributes:
        one_answer: Of one answer for every sequence and step.
        as_sure: Of the answers of the model, all by one factor more or less sure.
    """

    one_answer: float = math.inf
    as_sure: float = math.inf


UNKNOWN = Floors()


def floors(
    torch: Any,
    answers: Iterable[Any],
    targets: Sequence[Any],
    loss: Callable[[Any, Any], Any],
    axes: SeenAxes,
    stop: Callable[[], bool],
) -> Floors:
    """Return how small the loss of a model's answers, and of one answer for all, can be.

    The one answer lies entry by entry between the smallest and the largest that the model gives, and is a distribution
    where all of those are.

    Args:
        torch: The module.
        answers: What the model gives for each batch.
        targets: Of each batch.
        loss: Of an answer and the targets.
        axes: Of the model.
        stop: Whether time is over.
    """
    found = _Answers(torch, axes)
    sure = dict.fromkeys(_FACTORS, 0.0)
    try:
        for answer, aim in zip(answers, targets, strict=True):
            if stop() or not found.add(answer):
                return UNKNOWN
            form = _form(torch, answer, axes)
            for factor in sure:
                sure[factor] += _loss_of(loss, form.sharper(torch, answer, factor), aim)
        as_sure = min(sure.values()) / max(len(targets), 1)
        return Floors(_smallest(torch, found, targets, loss, stop), as_sure)
    except Exception:  # the model and the loss are the user's and may fail in any way
        return UNKNOWN


def _loss_of(loss: Callable[..., Any], *given: Any) -> float:
    """Return a loss; ∞ where it refuses, or is no number."""
    try:
        number = float(loss(*given))
    except Exception:  # the loss is the user's and may refuse an answer in any way
        return math.inf
    return number if math.isfinite(number) else math.inf


@dataclass(frozen=True)
class _Form:
    """What the numbers of answers are.

    Attributes:
        sums: The axis along which they are probabilities, or logarithms of such; None where they are neither.
        logs: Whether they are logarithms.
        between: Whether each is a probability by itself, between 0 and 1.
    """

    sums: int | None = None
    logs: bool = False
    between: bool = False

    def closed(self, torch: Any, made: Any) -> Any:
        """Return numbers as a distribution, where answers are such."""
        if self.sums is None:
            return made
        return torch.log_softmax(made, self.sums) if self.logs else made / made.sum(self.sums, keepdim=True)

    def sharper(self, torch: Any, answer: Any, factor: float) -> Any:
        """Return answers that are by a factor more sure, or less."""
        if self.between:
            return torch.sigmoid(torch.logit(answer, 1e-7) * factor)
        if self.sums is None or self.logs:
            return self.closed(torch, answer * factor)
        return torch.softmax(torch.log(answer.clamp_min(1e-30)) * factor, self.sums)


def _over(answer: Any, axes: SeenAxes) -> tuple[int, ...]:
    """Return the axes that count sequences and steps."""
    rows = 0 if axes.given != 0 or answer.dim() < 2 else 1
    return tuple(sorted({rows, 0 if axes.given is None else axes.given}))


def _form(torch: Any, answer: Any, axes: SeenAxes) -> _Form:
    over, positive = _over(answer, axes), bool((answer >= 0).all())
    for axis in range(answer.dim()):
        if axis in over or answer.shape[axis] < 2:
            continue
        if positive and is_distribution(array_of(answer.movedim(axis, -1))):
            return _Form(axis)
        if bool((torch.logsumexp(answer, axis).abs() < _TOLERANCE).all()):
            return _Form(axis, logs=True)
    return _Form(between=positive and bool((answer <= 1).all()))


@dataclass
class _Answers:
    """Between what the answers of a model lie, over sequences and steps.

    Attributes:
        torch: The module.
        axes: Of the model.
        low: The smallest of each entry.
        high: The largest of each entry.
        form: What all of them are.
        shapes: Of the answer to each batch.
    """

    torch: Any
    axes: SeenAxes
    low: Any = None
    high: Any = None
    form: _Form = field(default_factory=_Form)
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def add(self, answer: Any) -> bool:
        """Take the answer to one more batch; say whether it is of numbers, and like those before."""
        torch = self.torch
        if not isinstance(answer, torch.Tensor) or not answer.is_floating_point() or not answer.dim():
            return False
        over, form = _over(answer, self.axes), _form(torch, answer, self.axes)
        low, high = torch.amin(answer, over, keepdim=True), torch.amax(answer, over, keepdim=True)
        if self.shapes and self.low.shape != low.shape:
            return False
        if self.shapes:
            low, high = torch.minimum(self.low, low), torch.maximum(self.high, high)
            form = form if form == self.form else _Form()
        self.low, self.high, self.form = low, high, form
        self.shapes.append(tuple(answer.shape))
        return True

    def one(self, free: Any) -> Any:
        """Return the one answer that free numbers stand for."""
        return self.form.closed(self.torch, self.low + (self.high - self.low) * self.torch.sigmoid(free))


def _smallest(
    torch: Any, found: _Answers, targets: Sequence[Any], loss: Callable[[Any, Any], Any], stop: Callable[[], bool]
) -> float:
    """Return the loss of the best one answer that is found, over all batches."""
    free = torch.zeros_like(found.low, requires_grad=True)
    sizes = [math.prod(shape) for shape in found.shapes]
    few = max(1, sum(sum(sizes[: n + 1]) <= _NUMBERS for n in range(len(sizes))))

    def mean(count: int) -> Any:
        answer = found.one(free)
        pairs = zip(found.shapes[:count], targets[:count], strict=True)
        return sum(loss(answer.expand(shape).contiguous(), aim) for shape, aim in pairs) / count

    def slope() -> Any:
        search.zero_grad()
        value = mean(few)
        value.backward()
        return value

    best = _loss_of(mean, len(sizes))
    search = torch.optim.LBFGS([free], max_iter=_STEPS, line_search_fn="strong_wolfe")
    for _ in range(_ROUNDS):
        if stop():
            break
        try:
            with torch.enable_grad():
                search.step(slope)
        except Exception:  # a loss without a gradient, or that refuses an answer
            break
        best = min(best, _loss_of(mean, len(sizes)))
    return best
