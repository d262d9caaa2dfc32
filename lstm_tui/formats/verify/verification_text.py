"""What came of comparing a network with a recording, in words: for the command and for whoever types `verify`."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.verification import Verification


def told(verdict: Verification, close: float) -> Iterator[str]:
    """Yield a verdict line by line.

    Args:
        verdict: It.
        close: By how much numbers may differ that are called the same.
    """
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
        yield f"{partly}the same within {sentence(close, 6)}"
        return
    where = f", in sequence {first.batch} of the batch" if first.batch else ""
    yield (
        f"{visible(first.name)} is the first that differs, at t={first.t}, unit {first.unit}{where}: "
        f"{sentence(first.mine, 6)} here, {sentence(first.theirs, 6)} recorded"
    )
    yield from verdict.reasons
    if not verdict.fitting:
        yield f"none of {verdict.tried} other readings of the file fits"
    for settings, remains in zip(verdict.fitting, verdict.repaired, strict=True):
        said = " ".join(_setting(key, one) for key, one in settings.items())
        yield f"it fits with {said}"
        largest = max(verdict.compared.values())
        yield f"  and then differs by {sentence(remains, 2)} at most, by {sentence(largest, 2)} without"


def _setting(key: str, value: str) -> str:
    text = f"{visible(key)}={visible(value)}"
    return f"--set '{text}'" if " " in text else f"--set {text}"
