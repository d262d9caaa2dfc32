"""`lstm-tui check`: what a network is meant to remember, asserted of every line of some files.

Where an assertion fails, or nobody can say whether it holds because a number is NaN, the exit code is 3.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

from lstm_tui.cli.printing import Bar, table
from lstm_tui.cli.source import source_of
from lstm_tui.debugger.breakpoints.assertions import AssertionResult, judge, said
from lstm_tui.debugger.endings import STOPPED
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError, no_pass
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible


@dataclass
class _Count:
    """How often an assertion held, failed, was not known, and had nothing to ask about."""

    held: int = 0
    failed: int = 0
    unknown: int = 0
    absent: int = 0


def command(options: Namespace) -> int:
    """Judge every assertion on every line, print those that fail as they come, and a table."""
    counts = {text: _Count() for text in options.assertions}
    lines = 0
    try:
        with Bar("checking") as bar:
            for where, trace in _traces(options, bar):
                lines += 1
                scope = Scope(trace, _pass_of(trace, options.pass_name))
                for text, count in counts.items():
                    verdict = judge(text, scope)
                    _count(count, verdict)
                    if verdict.holds is False or verdict.unknown:
                        print(f"{where}: {said(text, verdict, scope)}", flush=True)
    except ExpressionError as error:
        print("lstm-tui: an assertion is wrong:", *error.under, sep="\n", file=sys.stderr)
        return 1
    print(_counted(counts))
    never = [text for text, one in counts.items() if not one.held + one.failed + one.unknown]
    if any(one.failed + one.unknown for one in counts.values()):
        return STOPPED
    if never:
        raise UserError(f"{never[0]} was asked of none of {lines} lines: no line has what it names")
    return 0


def _counted(counts: dict[str, _Count]) -> str:
    """Return the table; what is not known has a column where there is any."""
    columns = {"held": "held", "failed": "failed", "unknown": "not known", "absent": "not asked"}
    if not any(one.unknown for one in counts.values()):
        del columns["unknown"]
    rows = [(visible(text), *(str(getattr(one, name)) for name in columns)) for text, one in counts.items()]
    return table(("assertion", *columns.values()), rows, right=range(1, len(columns) + 1))


def _count(count: _Count, verdict: AssertionResult) -> None:
    count.held += verdict.holds is True
    count.failed += verdict.holds is False
    count.unknown += verdict.unknown
    count.absent += not verdict.asked


def _traces(options: Namespace, bar: Bar) -> Iterator[tuple[str, Trace]]:
    """Yield every run with the place of its text."""
    sources, said = [], set[str]()
    for file in options.files:
        one = copy(options)
        one.file = file
        sources.append(source_of(one, said))
    total = sum(len(_numbers(source, options)) for source in sources)
    done = 0
    for source in sources:
        for trace in source.run_lines(_numbers(source, options)):
            line = trace.sequence.line
            yield f"{visible(source.where)}{f':{line}' if line else ''}", trace
            done += 1
            bar(done, total)


def _numbers(source: Source, options: Namespace) -> range:
    return range(source.line, source.line + 1) if options.line is not None else range(len(source.sequences))


def _pass_of(trace: Trace, name: str | None) -> str:
    """Return the pass that was asked for; by default the top one that reads forwards."""
    if name is None:
        return next(one for one in reversed(list(trace)) if trace[one].direction == "forward")
    if name not in trace:
        raise no_pass(name, trace)
    return name
