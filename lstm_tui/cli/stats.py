"""`lstm-tui stats`: how the units of a network do on a file: stuck gates, units that are never active or dead."""

from __future__ import annotations

import math
import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.cli.many_inputs import ManyInputs, runs_in
from lstm_tui.cli.printing import Bar, print_json, table
from lstm_tui.cli.source import say, source_of
from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.debugger.source import Source, needed
from lstm_tui.engine.doors import STANDARD_INPUT
from lstm_tui.engine.number_text import count_of, fixed, percent, sentence
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.analysis.health import PassHealth
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.runtime.trace import Trace

_MOST_TOLD = 12
_HEADS = ("value", "does", "mean", "below .1", "above .9", "saturated", "never opens", "never shuts")


def command(options: Namespace) -> int:
    """Run every line of a file or a folder, or the one that was asked for, and tell how the units did."""
    from lstm_tui.analysis.distribution import perplexity_of
    from lstm_tui.analysis.health import HealthCounts
    from lstm_tui.debugger.inspect.prediction import perplexity_figure

    folder = options.file is not None and os.path.isdir(options.file)
    opened = None if folder else [source_of(options)]
    inputs = ManyInputs(options, [options.file or STANDARD_INPUT], opened)
    source = inputs.sources[0]
    network = needed(source.network)
    counts, bits, predicted, lines = HealthCounts(), 0.0, 0, 0
    example: Trace | None = None
    stopped = False
    try:
        with Bar("running", "lines") as bar:
            for part, found in inputs.answers(count_part, "stats", bar):
                if example is None:
                    example = next(iter(source.run_lines([inputs.parts[0].start])))
                counts.add_plain(found["counts"], example)
                bits, predicted = bits + found["bits"], predicted + found["predicted"]
                lines += part.stop - part.start
    except KeyboardInterrupt:
        stopped = True
        say(inputs.stopped_words)
    if example is None:
        return INTERRUPTED if stopped else inputs.code
    passes = counts.health()
    level = perplexity_of(bits, predicted)
    if options.json:
        content = {
            "model": network.name,
            "perplexity": level,
            "sequences": lines,
            "passes": [_content(one) for one in passes],
            **inputs.told,
        }
        print_json(content)
        return INTERRUPTED if stopped else inputs.code
    steps = passes[0].steps if passes else 0
    where = visible(str(options.file)) if folder else source.where
    files = f" in {count_of(len(inputs.files), 'file')}" if folder else ""
    print(f"{visible(network.name)} on {where}: {count_of(lines, 'sequence')}{files}, {count_of(steps, 'step')}")
    if level is not None:
        told = f", {fixed(math.log2(level))} bits a token" if math.isfinite(level) else ""
        print(f"perplexity {perplexity_figure(level)}{told}")
    for one in passes:
        print("\n" + "\n".join(_pass(one, example)))
    return INTERRUPTED if stopped else inputs.code


def count_part(source: Source, lines: range, options: Namespace) -> dict[str, Any]:
    """Return what is counted of some lines: of the units, and how surprised the network was, in bits."""
    from lstm_tui.analysis.distribution import first_predicted, surprise
    from lstm_tui.analysis.health import HealthCounts

    counts = HealthCounts()
    surprises: dict[int, Array] = {}
    for n, trace in runs_in(source, lines):
        counts.added([trace])
        if (bits := surprise(trace)) is not None:
            surprises[n] = np.atleast_1d(bits)[first_predicted(trace) :]
    with np.errstate(all="ignore"):
        every = np.concatenate([surprises[n] for n in lines if n in surprises]) if surprises else np.zeros(0)
        return {"counts": counts.plain(), "bits": float(every.sum()), "predicted": len(every)}


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
