"""`lstm-tui check`: what a network is meant to remember, asserted of every line of some files.

Where an assertion fails, or nobody can say whether it holds because a number is NaN, the exit code is 3.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from lstm_tui.cli.printing import Bar, print_json, table
from lstm_tui.cli.source import source_of
from lstm_tui.debugger.breakpoints.assertions import AssertionResult, asked_pass, judge, said
from lstm_tui.debugger.endings import STOPPED
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import replacing


@dataclass
class _Count:
    """How often an assertion held, failed, was not known, and had nothing to ask about."""

    held: int = 0
    failed: int = 0
    unknown: int = 0
    absent: int = 0


@dataclass(frozen=True)
class _Case:
    """One assertion on one line.

    Attributes:
        file: The file that was read.
        line: Line in it, from 1; None for a whole file or a series.
        assertion: What was asserted.
        verdict: What became of it.
        told: That in a line; empty where it holds.
    """

    file: str
    line: int | None
    assertion: str
    verdict: AssertionResult
    told: str


def command(options: Namespace) -> int:
    """Judge every assertion on every line, print those that fail as they come, and a table."""
    counts = {text: _Count() for text in options.assertions}
    cases: list[_Case] = []
    lines = 0
    try:
        with Bar("checking") as bar:
            for file, trace in _traces(options, bar):
                lines += 1
                line = trace.sequence.line
                scope = Scope(trace, asked_pass(trace, options.pass_name))
                for text, count in counts.items():
                    verdict = judge(text, scope)
                    _count(count, verdict)
                    fails = verdict.holds is False or verdict.unknown
                    told = said(text, verdict, scope) if fails else ""
                    if options.json or options.junit is not None:
                        cases.append(_Case(file, line, text, verdict, told))
                    if fails and not options.json:
                        print(f"{file}{f':{line}' if line else ''}: {told}", flush=True)
    except ExpressionError as error:
        print("lstm-tui: an assertion is wrong:", *error.under, sep="\n", file=sys.stderr)
        return 1
    if options.junit is not None:
        with replacing(options.junit) as written:
            written.write(_junit(cases))
    if options.json:
        print_json(_content(counts, cases))
    else:
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


def _content(counts: dict[str, _Count], cases: list[_Case]) -> dict[str, Any]:
    """Return the counts of every assertion, and all that failed or is not known."""
    failed = [
        {
            "file": one.file, "line": one.line, "assertion": one.assertion, "t": one.verdict.t,
            "known": not one.verdict.unknown, "why": one.verdict.why,
        }
        for one in cases if one.told
    ]  # fmt: skip
    told = [
        {"assertion": text, "held": one.held, "failed": one.failed, "not_known": one.unknown, "not_asked": one.absent}
        for text, one in counts.items()
    ]
    return {"assertions": told, "failures": failed}


def _junit(cases: list[_Case]) -> bytes:
    """Return every case as JUnit's XML, which build servers read."""
    suite = Element("testsuite", {
        "name": "lstm-tui check", "tests": str(len(cases)),
        "failures": str(sum(one.verdict.holds is False for one in cases)),
        "errors": str(sum(one.verdict.unknown for one in cases)),
        "skipped": str(sum(not one.verdict.asked for one in cases)),
    })  # fmt: skip
    for one in cases:
        name = visible(one.assertion) + (f" (line {one.line})" if one.line else "")
        case = SubElement(suite, "testcase", {"classname": one.file, "name": name})
        if not one.verdict.asked:
            SubElement(case, "skipped", {"message": one.verdict.why})
        elif one.told:
            SubElement(case, "error" if one.verdict.unknown else "failure", {"message": one.told})
    return bytes(tostring(suite, encoding="utf-8", xml_declaration=True))


def _traces(options: Namespace, bar: Bar) -> Iterator[tuple[str, Trace]]:
    """Yield every run with what its file is called."""
    sources, said = [], set[str]()
    for file in options.files:
        one = copy(options)
        one.file = file
        sources.append(source_of(one, said))
    total = sum(len(_numbers(source, options)) for source in sources)
    done = 0
    for source in sources:
        for trace in source.run_lines(_numbers(source, options)):
            yield visible(source.where), trace
            done += 1
            bar(done, total)


def _numbers(source: Source, options: Namespace) -> range:
    return range(source.line, source.line + 1) if options.line is not None else range(len(source.sequences))
