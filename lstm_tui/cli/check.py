"""`lstm-tui check`: what a network is meant to remember, asserted of every line of some files.

Where an assertion fails, or nobody can say whether it holds because a number is NaN, the exit code is 3.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from lstm_tui.cli.many_inputs import ManyInputs, runs_in
from lstm_tui.cli.printing import Bar, print_json, table
from lstm_tui.cli.source import say
from lstm_tui.debugger.breakpoints.assertions import AssertionResult, asked_pass, judge, said
from lstm_tui.debugger.edits.check_file import CheckLine, read_checks
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.debugger.endings import INTERRUPTED, STOPPED, USAGE
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.source import Source, needed
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, behind
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
    given = tuple(options.assertions or ())
    checks = read_checks(options.checks) if options.checks is not None else ()
    options.assertions = [*(options.assertions or ()), *(one.asserted for one in checks if one.text is None)]
    counts = {text: _Count() for text in (*options.assertions, *(_of_text(one) for one in checks if one.text))}
    cases: list[_Case] = []
    stopped = False
    inputs = ManyInputs(options, options.files)
    try:
        with Bar("checking", "lines") as bar:
            for file, found in _judged(inputs, checks, bar):
                for line, text, (holds, t, why, asked, told) in found:
                    verdict = AssertionResult(holds, t, why, asked)
                    _count(counts[text], verdict)
                    if options.json or options.junit is not None:
                        cases.append(_Case(file, line, text, verdict, told))
                    if told and not options.json:
                        print(f"{file}{f':{line}' if line else ''}: {visible(told)}", flush=True)
    except ExpressionError as error:
        print("lstm-tui: an assertion is wrong:", *error.under, sep="\n", file=sys.stderr)
        return USAGE if any(error.text.strip() in one for one in given) else 1
    except KeyboardInterrupt:
        stopped = True
        say(inputs.stopped_words)
    if options.junit is not None:
        with replacing(options.junit) as written:
            written.write(_junit(cases))
    if options.json:
        print_json(_content(counts, cases) | inputs.told)
    else:
        print(_counted(counts))
    if stopped:
        return INTERRUPTED
    if inputs.left_out:
        return inputs.code
    never = [text for text, one in counts.items() if not one.held + one.failed + one.unknown]
    if any(one.failed + one.unknown for one in counts.values()):
        return STOPPED
    if never:
        raise UserError(f"{never[0]} was asked of none of {inputs.lines} lines: no line has what it names")
    return 0


_Outcome = tuple[bool | None, int | None, str, bool, str]
"""Whether an assertion holds, where not, why, whether it was asked, and all that in a line where it does not hold."""
_Found = tuple[int | None, str, _Outcome]
"""The line in its file, what was asserted, and what became of it."""
_HOLDS: _Outcome = (True, None, "", True, "")


def check_part(source: Source, lines: range, options: Namespace) -> list[tuple[int, int, _Outcome]]:
    """Judge every assertion on some lines of a file; return what became of those that do not hold, in their order.

    Each with how many lines of the part, and how many assertions, stand before it.
    """
    found = []
    for n, trace in runs_in(source, lines):
        for number, text in enumerate(options.assertions):
            outcome = _judge(text, trace, options.pass_name)
            if outcome != _HOLDS:
                found.append((n - lines.start, number, outcome))
    return sorted(found, key=lambda one: one[:2])


def _judge(text: str, trace: Trace, pass_name: str | None) -> _Outcome:
    with behind("--pass"):
        scope = Scope(trace, asked_pass(trace, pass_name))
    verdict = judge(text, scope)
    told = said(text, verdict, scope) if verdict.holds is False or verdict.unknown else ""
    return verdict.holds, verdict.t, verdict.why, verdict.asked, told


def _judged(inputs: ManyInputs, checks: Sequence[CheckLine], bar: Bar) -> Iterator[tuple[str, list[_Found]]]:
    """Yield what a file is called with what became of assertions in it; at last, of texts of a file of checks."""
    asked = f"check {inputs.options.assertions!r} of {inputs.options.pass_name}"
    if inputs.options.assertions:
        for part, found in inputs.answers(check_part, asked, bar):
            source = inputs.sources[part.file]
            others = {(part.start + n, number): outcome for n, number, outcome in found}
            yield (
                visible(source.where),
                [
                    (source.sequences[n].line, text, tuple(others.get((n, number), _HOLDS)))
                    for n in range(part.start, part.stop)
                    for number, text in enumerate(inputs.options.assertions)
                ],
            )
    source = inputs.sources[0]
    network = needed(source.network)
    for one in checks:
        if one.text is not None:
            own = replace(source, sequences=(read_as(one.text, network),), line=0, line_numbers=())
            outcome = _judge(one.asserted, own.run_edited(0), inputs.options.pass_name)
            yield visible(str(inputs.options.checks)), [(one.line, _of_text(one), outcome)]


def _of_text(check: CheckLine) -> str:
    return f"“{check.text}”: {check.asserted}"


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
