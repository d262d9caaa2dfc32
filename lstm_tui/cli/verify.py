"""`lstm-tui verify`: a network's file beside activations that another runtime recorded."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from lstm_tui.cli.printing import print_json
from lstm_tui.cli.source import reading, say_remarks
from lstm_tui.debugger.endings import STOPPED
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.verification import Verification, verify
from lstm_tui.models.bundled import find_model


def command(options: Namespace) -> int:
    """Compare; exit with 3 where something differs, and say which other reading of the file would fit."""
    opened, verdict = verify(find_model(options.model), reading(options), options.reference, options.tolerance)
    if options.json:
        print_json({"model": opened.network.name, **_content(verdict, options.tolerance)})
        say_remarks(opened.network)
        return 0 if verdict.first is None else STOPPED
    for name, largest in verdict.compared.items():
        print(f"{visible(name)}: differs by {sentence(largest, 2)} at most")
    if verdict.sequences > 1:
        print(f"compared over {verdict.sequences} sequences")
    for name in verdict.left_out:
        print(f"{name}: not compared, since the file holds no layer behind its recurrent ones")
    for what in verdict.unproven:
        print(f"not proven: {what}")
    say_remarks(opened.network)
    first = verdict.first
    if first is None:
        partly = "what was compared is " if verdict.left_out or verdict.unproven else ""
        print(f"{partly}the same within {sentence(options.tolerance, 6)}")
        return 0
    where = f", in sequence {first.batch} of the batch" if first.batch else ""
    print(
        f"{visible(first.name)} is the first that differs, at t={first.t}, unit {first.unit}{where}: "
        f"{sentence(first.mine, 6)} here, {sentence(first.theirs, 6)} recorded"
    )
    for reason in verdict.reasons:
        print(reason)
    if not verdict.fitting:
        print(f"none of {verdict.tried} other readings of the file fits")
    for settings, remains in zip(verdict.fitting, verdict.repaired, strict=True):
        said = " ".join(_setting(key, one) for key, one in settings.items())
        print(f"it fits with {said}")
        print(f"  and then differs by {sentence(remains, 2)} at most, by {sentence(first.largest, 2)} without")
    return STOPPED


def _content(verdict: Verification, tolerance: float) -> dict[str, Any]:
    """Return a verdict as it is; `same` is null where something was not compared and nothing differs."""
    partly = bool(verdict.left_out or verdict.unproven)
    return {
        "same": False if verdict.first is not None else None if partly else True,
        "tolerance": tolerance,
        "compared": verdict.compared,
        "sequences": verdict.sequences,
        "first": None if verdict.first is None else asdict(verdict.first),
        "reasons": verdict.reasons,
        "fitting": [
            {"settings": settings, "then_differs_by": remains}
            for settings, remains in zip(verdict.fitting, verdict.repaired, strict=True)
        ],
        "tried": verdict.tried,
        "not_compared": verdict.left_out,
        "not_proven": verdict.unproven,
    }


def _setting(key: str, value: str) -> str:
    text = f"{visible(key)}={visible(value)}"
    return f"--set '{text}'" if " " in text else f"--set {text}"
