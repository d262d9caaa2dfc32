"""`lstm-tui reach`: how far back networks reach on the same text, side by side: a plain RNN, an LSTM and a GRU."""

from __future__ import annotations

from argparse import Namespace
from copy import copy
from typing import TYPE_CHECKING, Any

from lstm_tui.cli.printing import print_json, table
from lstm_tui.cli.source import source_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.analysis.gradient_flow import LongMemory
    from lstm_tui.engine.runtime.trace import Trace


def command(options: Namespace) -> int:
    """Print the gradient through time of every network, a row for each token, and what happens on the way."""
    from lstm_tui.analysis.gradient_flow import long_memory
    from lstm_tui.debugger.inspect.diagnostics import reach_words
    from lstm_tui.debugger.inspect.trace_facts import letter

    runs = _runs(options)
    tokens = runs[0].sequence.tokens
    if any(trace.sequence.tokens != tokens for trace in runs):
        raise UserError("these networks split the text into other tokens: their steps cannot stand side by side")
    found: list[LongMemory] = []
    for trace in runs:
        passed = next(iter(trace.values()))
        found.append(long_memory(passed, passed.tape_place(passed.steps - 1)))
    if options.json:
        print_json({"tokens": tokens, "networks": [_content(*one) for one in zip(runs, found, strict=True)]})
        return 0
    heads, columns = ["t", "token"], []
    for trace, one in zip(runs, found, strict=True):
        name = visible(str(trace.model["name"]))
        at = {t: n for n, t in enumerate(one.places)}
        heads.append(f"{name} |∂{letter(one.memory.value)}|")
        columns.append({t: sentence(one.memory.size[n], 3) for t, n in at.items()})
        if one.kept_size is not None:
            kept = one.kept_size
            heads.append("Π kept")
            columns.append({t: sentence(kept[n], 3) for t, n in at.items()})
    rows = [(str(t), visible(token), *(column.get(t, "") for column in columns)) for t, token in enumerate(tokens)]
    print(table(heads, rows, right=(0, *range(2, len(heads)))))
    for trace, one in zip(runs, found, strict=True):
        print(f"\n{visible(str(trace.model['name']))}, {one.pass_name}")
        for line in reach_words(one, lambda t: f"t={t} “{visible(tokens[t])}”"):
            print(f"  {line}")
    return 0


def _content(trace: Trace, one: LongMemory) -> dict[str, Any]:
    """Return how far back one network reaches, by place on the tape."""
    from lstm_tui.debugger.inspect.diagnostics import reach_words

    tokens = trace.sequence.tokens
    return {
        "model": trace.model["name"],
        "pass": one.pass_name,
        "places": one.places,
        "memory": one.memory.value,
        "gradient": one.memory.size,
        "output": one.output.value,
        "output_gradient": one.output.size,
        "kept": one.kept_size,
        "radius": one.radius,
        "words": list(reach_words(one, lambda t: f"t={t} “{visible(tokens[t])}”")),
    }


def _runs(options: Namespace) -> list[Trace]:
    """Run the network that was asked for and those beside it; without any, those of the recall task."""
    from lstm_tui.debugger.inspect.cell_comparison import RIVALS

    beside = list(options.beside or ())
    if options.model is None and not options.untrained:
        if options.file is not None and not beside:
            names: list[str | None] = [None]
        else:
            names = list(beside or RIVALS)
    else:
        names = [options.model, *beside]
    if options.file == "-" and len(names) > 1:
        raise UserError("standard input is read once, and every network needs it: give a FILE")
    runs: list[Trace] = []
    said = set[str]()
    for number, name in enumerate(names):
        mine = copy(options)
        mine.model = name
        mine.untrained = options.untrained and number == 0
        if options.file is None and number:
            mine.file = runs[0].sequence.file
        source = source_of(mine, said)
        runs.append(source.run_edited())
    return runs
