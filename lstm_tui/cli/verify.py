"""`lstm-tui verify`: a network's file beside activations that another runtime recorded."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import Any

from lstm_tui.cli.printing import print_json
from lstm_tui.cli.source import reading, say_remarks
from lstm_tui.debugger.endings import STOPPED
from lstm_tui.formats.verify.verdict import Verification
from lstm_tui.formats.verify.verification import verify
from lstm_tui.models.bundled import find_model


def command(options: Namespace) -> int:
    """Compare; exit with 3 where something differs, and say which other reading of the file would fit."""
    model, read = find_model(options.model), reading(options)
    opened, verdict = verify(model, read, options.reference, options.tolerance, seconds=options.seconds)
    if options.json:
        print_json({"model": opened.network.name, **_content(verdict)})
        say_remarks(opened.network)
        return 0 if verdict.first is None else STOPPED
    print(verdict)
    say_remarks(opened.network)
    return 0 if verdict.first is None else STOPPED


def _content(verdict: Verification) -> dict[str, Any]:
    """Return a verdict as it is; `same` is null where something was not compared and nothing differs."""
    return {
        "same": verdict.same,
        "tolerance": verdict.close,
        "compared": verdict.compared,
        "sequences": verdict.sequences,
        "first": None if verdict.first is None else asdict(verdict.first),
        "reasons": verdict.reasons,
        "fitting": [
            {"settings": settings, "then_differs_by": remains}
            for settings, remains in zip(verdict.fitting, verdict.repaired, strict=True)
        ],
        "tried": verdict.tried,
        "timed_out": verdict.timed_out is not None,
        "not_compared": verdict.left_out,
        "not_proven": verdict.unproven,
    }
