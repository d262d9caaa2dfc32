"""`lstm-tui stats`: how the units of a network do on a file: stuck gates, units that are never active or dead."""

from __future__ import annotations

import math
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.cli.printing import Bar, print_json, table
from lstm_tui.cli.source import say, source_of
from lstm_tui.debugger.source import Source, needed
from lstm_tui.engine.number_text import count_of, fixed, percent, sentence
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.analysis.health import PassHealth
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.runtime.trace import Trace

_MOST_RUNS = 1000
_MOST_TOLD = 12
_HEADS = ("value", "does", "mean", "below .1", "above .9", "saturated", "never opens", "never shuts")


def command(options: Namespace) -> int:
    """Run every line of a file, or the one that was asked for, and tell how the units did."""
    from lstm_tui.analysis.distribution import perplexity
    from lstm_tui.analysis.health import health
    from lstm_tui.debugger.inspect.prediction import perplexity_figure

    source = source_of(options)
    network = needed(source.network)
    lines = [source.line] if options.line is not None else list(range(len(source.sequences)))[:_MOST_RUNS]
    seen: list[Trace] = []
    predicted: list[Array | None] = []
    with Bar("running") as bar:
        passes = health(_runs(source, lines, bar, seen, predicted))
    if len(lines) < len(source.sequences) and options.line is None:
        say(f"{source.where}: only the first {_MOST_RUNS} of its {len(source.sequences)} sequences were read")
    level = perplexity(said) if (said := [bits for bits in predicted if bits is not None]) else None
    if options.json:
        content = {
            "model": network.name,
            "perplexity": level,
            "sequences": len(lines),
            "passes": [_content(one) for one in passes],
        }
        print_json(content)
        return 0
    steps = passes[0].steps if passes else 0
    print(f"{visible(network.name)} on {source.where}: {count_of(len(lines), 'sequence')}, {steps} steps")
    if level is not None:
        bits = f", {fixed(math.log2(level))} bits a token" if math.isfinite(level) else ""
        print(f"perplexity {perplexity_figure(level)}{bits}")
    for one in passes:
        print("\n" + "\n".join(_pass(one, seen[0])))
    return 0


def _runs(
    source: Source, lines: list[int], bar: Bar, seen: list[Trace], predicted: list[Array | None]
) -> Iterator[Trace]:
    """Yield the run of every line; the first is kept, for the names of what it is made of, and of each the surprise."""
    from lstm_tui.analysis.distribution import first_predicted, surprise

    bar(0, len(lines))
    for done, trace in enumerate(source.run_lines(lines)):
        bar(done, len(lines))
        if not seen:
            seen.append(trace)
        bits = surprise(trace)
        predicted.append(None if bits is None else bits[first_predicted(trace) - 1 :])
        yield trace


def _pass(one: PassHealth, trace: Trace) -> Iterator[str]:
    from lstm_tui.debugger.inspect.diagnostics import health_lines

    passed = trace[one.name]
    yield f"{one.name}: {visible(passed.cell.name)}, {count_of(one.units, 'unit')}"
    rows = []
    for gate in one.gates:
        low, high = float(np.mean(gate.low)), float(np.mean(gate.high))
        numbers = (fixed(float(np.mean(gate.mean))), _percent(low), _percent(high), _percent(low + high))
        counts = (count_between(gate.shut, gate.most), count_between(gate.open, gate.least))
        rows.append((visible(gate.value), gate.role or "", *numbers, *counts))
    if rows:
        yield table(_HEADS, rows, right=range(2, len(_HEADS)))
    else:
        yield "no gates"
    for line in health_lines(passed, one, _MOST_TOLD, "; --json has them all"):
        yield line.text if line.heads else f"  {line.text}"


def _content(one: PassHealth) -> dict[str, Any]:
    """Return the numbers of a pass, JSON-able; what is no number is null."""
    gates = {
        gate.value: {
            "role": gate.role,
            "below": _numbers(gate.low),
            "above": _numbers(gate.high),
            "mean": _numbers(gate.mean),
            "least": _numbers(gate.least),
            "most": _numbers(gate.most),
        }
        for gate in one.gates
    }
    findings = [
        {
            "kind": finding.kind,
            "unit": finding.unit,
            "value": finding.value,
            "parameter": finding.parameter or None,
        }
        for finding in one.findings
    ]
    return {
        "name": one.name,
        "steps": one.steps,
        "units": one.units,
        "gates": gates,
        "largest_output": _numbers(one.largest),
        "gradients_known": bool(one.dead),
        "findings": findings,
    }


def _numbers(row: Array) -> list[float | None]:
    return [float(sentence(number, 6)) if np.isfinite(number) else None for number in row]


def count_between(holds: Array, of: Array) -> str:
    """Return for how many units something holds, where the numbers it is judged by may be NaN: `3`, or `1 to 3`.

    Args:
        holds: Whether it is known to hold, (n,).
        of: The numbers, (n,).
    """
    least, unknown = int(holds.sum()), int(np.isnan(of).sum())
    if unknown == len(of):
        return "not known"
    return f"{least} to {least + unknown}" if unknown else str(least)


def _percent(share: float) -> str:
    return percent(share)
