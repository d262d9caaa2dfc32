"""What came of comparing a network with a recording, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.compared_run import Deviation


@dataclass(frozen=True)
class Verification:
    """What came of comparing.

    Attributes:
        compared: The largest difference of every value that was compared.
        close: By how much numbers may differ that are called the same.
        first: The first difference that is too large, in the order in which values are computed, or None.
        fitting: Decisions under which nothing differs, where another reading fits.
        tried: How many other readings were tried.
        left_out: What the recording says of the whole model, and the file cannot, since it holds no readout.
        unproven: What was not compared, a sentence each; while there is any, nobody may say that all is the same.
        reasons: What is known of why they part, a sentence each.
        repaired: By the decisions of `fitting`, in their order: the largest difference that remains.
        sequences: How many sequences were compared.
        timed_out: Of how many seconds of processor time the end came before all other readings were tried; None where
            it did not.
    """

    compared: Mapping[str, float]
    close: float
    first: Deviation | None = None
    fitting: tuple[Mapping[str, str], ...] = ()
    tried: int = 0
    left_out: tuple[str, ...] = ()
    unproven: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    repaired: tuple[float, ...] = ()
    sequences: int = 1
    timed_out: float | None = None

    @property
    def same(self) -> bool | None:
        """Whether nothing differs; None where nothing does, and something was not compared or not proven."""
        if self.first is not None:
            return False
        return None if self.left_out or self.unproven else True

    def __str__(self) -> str:
        """Say it line by line, as `lstm-tui verify` does."""
        return "\n".join(_told(self))


def _told(verdict: Verification) -> Iterator[str]:
    """Yield a verdict line by line."""
    for name, largest in verdict.compared.items():
        yield f"{visible(name)}: differs by {sentence(largest, 2)} at most"
    if verdict.sequences > 1:
        yield f"compared over {verdict.sequences} sequences"
    for name in verdict.left_out:
        yield f"{name}: not compared, since the file holds no layer behind its recurrent ones"
    for what in verdict.unproven:
        yield f"not proven: {what}"
    first = verdict.first
    if first is None:
        partly = "what was compared is " if verdict.left_out or verdict.unproven else ""
        yield f"{partly}the same within {sentence(verdict.close, 6)}"
        return
    where = f", in sequence {first.batch} of the batch" if first.batch else ""
    yield (
        f"{visible(first.name)} is the first that differs, at t={first.t}, unit {first.unit}{where}: "
        f"{sentence(first.mine, 6)} here, {sentence(first.theirs, 6)} recorded"
    )
    yield from verdict.reasons
    if not verdict.fitting:
        yield f"none of {verdict.tried} other readings of the file fits"
        if verdict.timed_out is not None:
            yield (
                f"  and not all were tried: {sentence(verdict.timed_out, 3)} s of processor time were over; "
                f"verify tries longer with `--seconds {sentence(10 * verdict.timed_out, 3)}`, in Python seconds="
            )
    for settings, remains in zip(verdict.fitting, verdict.repaired, strict=True):
        said = " ".join(_setting(key, one) for key, one in settings.items())
        yield f"it fits with {said}"
        largest = max(verdict.compared.values())
        yield f"  and then differs by {sentence(remains, 2)} at most, by {sentence(largest, 2)} without"


def _setting(key: str, value: str) -> str:
    text = f"{visible(key)}={visible(value)}"
    return f"--set '{text}'" if " " in text else f"--set {text}"
