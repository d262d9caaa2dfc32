"""`lstm-tui compare`: networks on one text, or one before and after edits; a table where there is no terminal."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lstm_tui.analysis.distribution import largest
from lstm_tui.cli.printing import print_json, table
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, fixed, percent
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.inspect.compare import Comparison
    from lstm_tui.debugger.inspect.diff import DiffColumn
    from lstm_tui.debugger.inspect.lockstep import Lockstep
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.runtime.trace import Trace


def command(options: Namespace) -> int:
    """Compare on the screen, or as a table on standard output where that is no terminal or --plain asks for it."""
    if options.ask:
        return _of_checkpoints(options)
    if len(options.model or ()) > 2:
        return _in_lockstep(options)
    compared = comparison(options)
    if _is_printed(options, lambda: _content(compared), lambda: as_table(compared)):
        return 0
    from lstm_tui.tui.views.compare import compare_app

    return compare_app(compared, options.light)


def _is_printed(options: Namespace, content: Callable[[], dict[str, Any]], in_words: Callable[[], str]) -> bool:
    """Print JSON or a table where that is asked for, or there is no terminal; say whether anything was."""
    if options.json:
        print_json(content())
    elif options.plain or not sys.stdout.isatty():
        print(in_words())
    else:
        return False
    return True


def comparison(options: Namespace) -> Comparison:
    """Make both runs.

    Raises:
        UserError: One of them cannot be made, or they have no common tape.
    """
    from lstm_tui.cli.source import source_of
    from lstm_tui.debugger.edits.apply import apply
    from lstm_tui.debugger.inspect.compare import Comparison
    from lstm_tui.debugger.source import edited_runs, needed

    models: list[str] = list(options.model or [])
    if len(models) == 2 and options.file == "-":
        raise UserError("standard input is read once, and both networks need it: give a FILE")
    said = set[str]()
    after = source_of(_with_model(options, models[-1] if models else None), said)
    before = replace(after, edit_script=())
    if len(models) == 2:
        before = source_of(_with_model(options, models[0]), said)
    one, other = edited_runs([before, after])
    if len(models) == 2:
        return Comparison.of(one, other, (models[0], models[1]))
    made = apply(after.edit_script, needed(after.network), after.sequences[after.line])
    return Comparison.of(one, other, ("baseline", "edited"), made.origins)


def _of_checkpoints(options: Namespace) -> int:
    """Print what is asked of every checkpoint as curves, and between which steps it changed."""
    from lstm_tui.cli.source import source_of
    from lstm_tui.living.checkpoints import series_of_runs

    if options.file == "-":
        raise UserError("standard input is read once, and every checkpoint needs it: give a FILE")
    said = set[str]()
    made = series_of_runs(
        options.model[0], options.ask, lambda file: source_of(_with_model(options, str(file)), said).run_edited()
    )
    changes = [change for asked in options.ask for change in made.changes(asked)]
    if options.json:
        print_json({
            "files": [str(one) for one in made.files],
            "steps": made.steps,
            "tokens": made.tokens,
            "asked": made.values,
            "changes": [str(one) for one in changes],
        })  # fmt: skip
        return 0
    print(f"{count_of(len(made), 'checkpoint')}, steps {made.steps[0]} to {made.steps[-1]}")
    for line in (*made.curves(), *map(str, changes)):
        print(line)
    return 0


def _in_lockstep(options: Namespace) -> int:
    """Show three networks or more, on the screen or as a table or JSON."""
    lock = lockstep(options)
    if _is_printed(options, lambda: _lockstep_content(lock), lambda: lockstep_table(lock)):
        return 0
    from lstm_tui.tui.views.lockstep import lockstep_app

    return lockstep_app(lock, options.light)


def lockstep(options: Namespace) -> Lockstep:
    """Run every network on the text.

    Raises:
        UserError: One of them cannot be run, or they have no common tape.
    """
    from lstm_tui.cli.source import source_of
    from lstm_tui.debugger.inspect.lockstep import Lockstep
    from lstm_tui.debugger.source import edited_runs

    if options.file == "-":
        raise UserError("standard input is read once, and every network needs it: give a FILE")
    models: list[str] = list(options.model)
    said = set[str]()
    return Lockstep(edited_runs([source_of(_with_model(options, model), said) for model in models]), models)


def _lockstep_content(lock: Lockstep) -> dict[str, Any]:
    """Return every run token by token: what each network says, and what each of its passes keeps and holds."""
    return {
        "runs": lock.names,
        "classes": [run.classes for run in lock.runs],
        "results": [run.result for run in lock.runs],
        "tokens": [
            {
                "token": token,
                "place": t,
                "outputs": [None if run.output is None else run.output[t] for run in lock.runs],
                "kept": [{one.pass_name: lock.kept(one, t) for one in lock.lanes if one.run == n} for n in runs],
                "held": [{one.pass_name: lock.held(one, t) for one in lock.lanes if one.run == n} for n in runs],
            }
            for runs in (range(len(lock.runs)),)
            for t, token in enumerate(lock.runs[0].sequence.tokens)
        ],
    }


def lockstep_table(lock: Lockstep) -> str:
    """Return a row for each token, what each pass keeps of its memory and each network says, and the verdicts."""
    heads = ["t", "token"]
    for lane in lock.lanes:
        name, several = visible(lock.names[lane.run]), len(lock.runs[lane.run].passes) > 1
        heads.append(f"{name} {lane.pass_name} keeps" if several else f"{name} keeps")
    each = [n for n, run in enumerate(lock.runs) if run.output is not None]
    heads += [f"{visible(lock.names[n])} says" for n in each]
    rows = []
    for t, token in enumerate(lock.runs[0].sequence.tokens):
        kept = [lock.kept(lane, t) for lane in lock.lanes]
        rows.append([
            str(t), visible(token), *("" if one is None else percent(one) for one in kept),
            *(_top(output[t], lock.runs[n]) for n in each if (output := lock.runs[n].output) is not None),
        ])  # fmt: skip
    text = table(heads, rows, right=tuple(range(2, 2 + len(lock.lanes))))
    results = [
        _verdict(run, visible(name)) for run, name in zip(lock.runs, lock.names, strict=True) if run.output is None
    ]
    return "\n".join([text, "", "`keeps`: the part of the memory that the step keeps.", *filter(None, results)])


def _content(compared: Comparison) -> dict[str, Any]:
    """Return both runs token by token: what each says, how far their answers and the units of each pass lie apart."""
    names = [name for name in compared.one if compared.comparable(name)]
    runs = _runs(compared)
    return {
        "runs": compared.names,
        "classes": [run.classes for run in runs],
        "results": [run.result for run in runs],
        "tokens": [
            {
                "token": compared.token(column),
                "places": [column.before, column.after],
                "outputs": compared.outputs(column),
                "outputs_apart": compared.output_distance(column),
                "memory_apart": {name: compared.memory_distance(column, name) for name in names},
            }
            for column in compared.columns
        ],
    }


def _with_model(options: Namespace, model: str | None) -> Namespace:
    mine = copy(options)
    mine.model = model
    return mine


def as_table(compared: Comparison) -> str:
    """Return a row for each token, and the verdicts."""
    one, other = (visible(name) for name in compared.names)
    name = _pass_of(compared)
    toward = compared.toward
    said = "adds" if toward is not None else "says"
    heads = ["t", "token", f"{one} {said}", f"{other} {said}", "difference"]
    if name is not None:
        heads.append(f"memory apart in {name}")
    rows = []
    for column in compared.columns:
        row = [_places(column), visible(compared.token(column))]
        if toward is not None:
            places = zip(toward, (column.before, column.after), strict=True)
            row += ["" if t is None else fixed(numbers[t], 3, True) for numbers, t in places]
        else:
            row += [_top(output, run) for output, run in zip(compared.outputs(column), _runs(compared), strict=True)]
        row.append(_number(compared.output_distance(column), toward is not None))
        if name is not None:
            row.append(_number(compared.memory_distance(column, name)))
        rows.append(row)
    text = table(heads, rows, right=tuple(range(2 if toward is not None else 4, len(heads))))
    results = [_verdict(run, label) for run, label in zip(_runs(compared), (one, other), strict=True)]
    if toward is not None and compared.winner is not None and compared.one.classes:
        winner = visible(compared.one.classes[compared.winner])
        text += f"\n\n`adds`: what the token adds to {winner}, before the softmax."
    return "\n".join([text, "", *(result for result in results if result)]).rstrip()


def _runs(compared: Comparison) -> tuple[Trace, Trace]:
    return compared.one, compared.other


def _pass_of(compared: Comparison) -> str | None:
    """Return the topmost pass whose units are the same in both and that edits or training can have moved."""
    names = [name for name in compared.one if compared.comparable(name)]
    return names[-1] if names else None


def _places(column: DiffColumn) -> str:
    if column.before == column.after:
        return str(column.after)
    return f"{'–' if column.before is None else column.before}→{'–' if column.after is None else column.after}"


def _top(output: Array | None, run: Trace) -> str:
    if output is None:
        return ""
    best = largest(output)
    if best is None:
        return "not known"
    name = visible(run.classes[best]) if best < len(run.classes) else str(best)
    return f"{name} {fixed(output[best], 3)}"


def _number(value: float | None, sign: bool = False) -> str:
    return "" if value is None else fixed(value, 3, sign)


def _verdict(run: Trace, label: str) -> str:
    return f"{label}: {_top(run.result, run)}" if run.result is not None and run.classes else ""
