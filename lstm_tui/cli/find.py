"""`lstm-tui find`: where in many files units behave as in a marked range, and what units and gates follow.

The states of every step are computed once, and searched as arrays where they are few, else in an index on disk. With
`--index` that is kept, and a second question is answered without running anything.
"""

from __future__ import annotations

import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.cli.many_inputs import InputPart, ManyInputs, open_files
from lstm_tui.cli.printing import Bar, print_json
from lstm_tui.cli.source import say
from lstm_tui.debugger.corpus import (
    MOST_HELD,
    Add,
    Corpus,
    CorpusStates,
    ValueName,
    hold_states,
    ids_of,
    run_corpus,
)
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.errors import UserError, behind, no_pass
from lstm_tui.engine.model.sequence import Sequence as Tokens
from lstm_tui.engine.number_text import bytes_text, count_of
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.traces.state_index import HEADER, StateWriter, open_index, writing

if TYPE_CHECKING:
    from lstm_tui.analysis.property_units import FollowingUnit
    from lstm_tui.debugger.inspect.findings import FoundRange


_WORTH = 1e11
"""Products of numbers from which on several processes are worth their start and what is handed over, as measured."""


def command(options: Namespace) -> int:
    """Answer one question about every line of some files."""
    opened = open_files(options, options.files)
    corpus = Corpus.of(opened.sources)
    options.opened = opened.files
    names = [source.where for source in opened.sources]
    with Bar("running") as bar:
        if options.like is not None or options.where is not None:
            _search(options, corpus, names, bar)
        elif options.gates:
            _gates(options, corpus, names, bar)
        else:
            _follow(options, corpus, names, bar)
    return 1 if opened.left_out else 0


@contextmanager
def _states(options: Namespace, corpus: Corpus, values: Sequence[ValueName], bar: Bar) -> Iterator[CorpusStates]:
    """Yield the states of a corpus: as arrays, or in an index that is kept where one was asked for."""
    sizes = {one.name: corpus.size_of(one) for one in values}
    if options.index is None:
        steps = sum(len(sequence) for _, _, sequence in corpus.sequences())
        if steps * sum(sizes.values()) * 4 <= MOST_HELD:
            yield hold_states(corpus, values, bar, partial(run_by_jobs, options, None))
            return
        try:
            with tempfile.TemporaryDirectory(prefix="lstm-tui-") as made:
                _write(options, Path(made), _about(corpus), corpus, sizes, values, bar)
                yield _opened(Path(made))
        except OSError as error:
            raise UserError(
                f"an index cannot be written: {error.strerror or error}; name a folder with --index"
            ) from error
        return
    folder, about = Path(options.index).expanduser(), _about(corpus)
    if (folder / HEADER).exists():
        known = open_index(folder)
        same = dict(known.about) == about
        if same and sizes.keys() <= known.states.keys():
            say(f"{visible(str(folder))}: {bytes_text(known.bytes)}, as it was made")
            yield CorpusStates(known.states, known.ids, known.lines, next(iter(known.states.values())).starts)
            return
        more = {name: one.units for name, one in known.states.items()} if same else {}
        sizes = {**more, **sizes}
        why = "another value is asked for" if same else "the files or the network changed"
        say(f"{visible(str(folder))}: is made again: {why}")
    wanted = [ValueName(name.rpartition(".")[0], name.rpartition(".")[2]) for name in sizes]
    _write(options, folder, about, corpus, sizes, wanted, bar)
    found = open_index(folder)
    say(f"{visible(str(folder))}: {bytes_text(found.bytes)} written")
    yield _opened(folder)


def _opened(folder: Path) -> CorpusStates:
    found = open_index(folder)
    return CorpusStates(found.states, found.ids, found.lines, next(iter(found.states.values())).starts)


def _write(
    options: Namespace,
    folder: Path,
    about: Mapping[str, Any],
    corpus: Corpus,
    sizes: Mapping[str, int],
    values: Sequence[ValueName],
    bar: Bar,
) -> None:
    with writing(folder, about, sizes) as writer:
        if writer.there:
            say(f"{visible(str(folder))}: goes on behind {writer.there} steps that are there")
        run_by_jobs(options, writer, corpus, values, writer.add, bar)


def run_by_jobs(
    options: Namespace,
    writer: StateWriter | None,
    corpus: Corpus,
    values: Sequence[ValueName],
    add: Add,
    progress: Progress | None,
) -> None:
    """Run a corpus by one process or by several, and hand its states on in order; they are the same, bit for bit.

    Args:
        options: Those of the command.
        writer: What may have the first sequences already; None where nothing is there.
        corpus: What is read.
        values: The values that are wanted.
        add: Takes each sequence.
        progress: A bar.

    Raises:
        UserError: A sequence does not fit the network.
    """

    def skip(file: int, line: int, sequence: Tokens) -> bool:
        if writer is None or not writer.has(len(sequence)):
            return False
        writer.skip(file, line, ids_of(sequence))
        return True

    asked = copy(options)
    asked.line, asked.resume, asked.states_of = None, None, [tuple(one) for one in values]
    many = ManyInputs(asked, options.opened, corpus.sources)
    if not many.is_shared(_WORTH):
        run_corpus(corpus, values, add, progress, skip)
        return
    left = list(many.parts)
    while left and writer is not None and writer.has(sum(map(len, _sequences(corpus, left[0])))):
        part = left.pop(0)
        for sequence in _sequences(corpus, part):
            skip(part.file, sequence.line or 0, sequence)
    assert isinstance(progress, Bar)
    many.parts = left
    for part, found in many.answers(states_of_part, "states", progress):
        ends = np.cumsum(found["lengths"])
        for n, sequence in enumerate(_sequences(corpus, part)):
            rows = slice(ends[n] - found["lengths"][n], ends[n])
            add(part.file, sequence.line or 0, ids_of(sequence), {one.name: found[one.name][rows] for one in values})
    if many.left_out:
        raise UserError(many.left_out[0])


def _sequences(corpus: Corpus, part: InputPart) -> Iterator[Tokens]:
    sequences = corpus.sources[part.file].sequences
    return (sequences[n] for n in range(part.start, part.stop))


def states_of_part(source: Source, lines: range, options: Namespace) -> dict[str, Any]:
    """Return the states of some lines of a file: how long each is, and each value, one line behind the other."""
    held = source.sequences[lines.start : lines.stop]
    corpus = Corpus.of([replace(source, sequences=held, line=0, line_numbers=())])
    values = [ValueName(*one) for one in options.states_of]
    lengths: list[int] = []
    found: dict[str, list[Array]] = {one.name: [] for one in values}

    def add(_file: int, _line: int, ids: Array, numbers: Mapping[str, Array]) -> None:
        lengths.append(len(ids))
        for name, rows in numbers.items():
            found[name].append(rows)

    run_corpus(corpus, values, add)
    return {"lengths": lengths, **{name: np.concatenate(rows) for name, rows in found.items()}}


def _about(corpus: Corpus) -> dict[str, Any]:
    """Return what decides the numbers of an index: the network, and the files as they are."""
    files = []
    for source in corpus.sources:
        name = source.sequences[0].file if source.count else None
        path = Path(source.where)
        status = os.stat(path) if path.is_file() else None
        whole = bool(source.count) and source.sequences[0].line is None
        files.append(
            [source.where, name, source.count, whole, *((status.st_size, status.st_mtime_ns) if status else (0, 0))]
        )
    return {"network": corpus.digest(), "files": files}


def _value(options: Namespace, corpus: Corpus) -> ValueName:
    """Return the value that is asked about: by default the memory of the pass that is named, or of the first."""
    passes = {one.name: one for one in corpus.network.passes}
    name = options.pass_name or next(iter(passes))
    with behind("--pass"):
        if name not in passes:
            raise no_pass(name, passes)
    value = ValueName(name, options.value or memory_of(passes[name].cell))
    with behind("--value"):
        corpus.size_of(value)
    return value


def _search(options: Namespace, corpus: Corpus, names: Sequence[str], bar: Bar) -> None:
    from lstm_tui.debugger.commands.edit import Here
    from lstm_tui.debugger.inspect.findings import (
        check_units,
        conditions_of,
        finding_lines,
        findings,
        like,
        mark_of,
        where,
    )
    from lstm_tui.debugger.session import Session

    first = corpus.sources[0]
    session = Session.open(replace(first, interpreter=chosen_for_many(first.interpreter)))
    if options.pass_name is not None:
        session.select_pass(options.pass_name)
        with behind("--pass"):
            if session.frame.position.pass_name != options.pass_name:
                raise no_pass(options.pass_name, session.frame.trace.passes)
    here = Here(session)
    if options.where is not None:
        with behind("--where"):
            wanted = conditions_of(options.where, here)
            check_units(corpus, wanted)
        with _states(options, corpus, list(dict.fromkeys(one.value for one in wanted)), bar) as states:
            bar.begin("searching")
            found = findings(corpus, states, where(states, wanted, options.top, bar))
    else:
        with behind("--like"):
            mark = mark_of(options.like, session.frame.trace, here)
        with _states(options, corpus, [mark.value], bar) as states:
            bar.begin("searching")
            found = findings(corpus, states, like(states, mark, options.top, first.line, bar))
    if options.json:
        print_json({"steps": int(states.starts[-1]), "found": [_content(one, names) for one in found]})
        return
    _head(corpus, states, names)
    print(*finding_lines(found, names, options.where is not None), sep="\n")


def _content(finding: FoundRange, names: Sequence[str]) -> dict[str, Any]:
    place = finding.place
    return {
        "file": visible(names[place.file]), "line": place.line or None, "t": place.t, "steps": finding.steps,
        "score": finding.score, "text": finding.text,
    }  # fmt: skip


def _head(corpus: Corpus, states: CorpusStates, names: Sequence[str]) -> None:
    what = visible(names[0]) if len(names) == 1 else count_of(len(names), "file")
    read = f"{count_of(corpus.count, 'sequence')}, {int(states.starts[-1])} steps"
    print(f"{visible(corpus.network.name)} on {what}: {read}")


def _gates(options: Namespace, corpus: Corpus, names: Sequence[str], bar: Bar) -> None:
    from lstm_tui.debugger.inspect.findings import gate_lines

    value = _value(options, corpus)
    gates = corpus.gates(value.pass_name)
    tokens = corpus.network.tokens
    if not gates or tokens is None:
        raise UserError(f"{value.pass_name} has no gates" if tokens is not None else "this network reads no tokens")
    with behind("--unit"):
        if options.unit is not None and options.unit >= min(corpus.size_of(gate) for gate in gates):
            size = corpus.size_of(gates[0])
            raise UserError(f"{value.pass_name} has {size} units, from 0: there is no {options.unit}")
    with _states(options, corpus, gates, bar) as states:
        lines = list(gate_lines(states, gates, options.unit, tokens.vocabulary, bar))
    if options.json:
        print_json({"lines": lines})
        return
    _head(corpus, states, names)
    print(*lines, sep="\n")


def _follow(options: Namespace, corpus: Corpus, names: Sequence[str], bar: Bar) -> None:
    from lstm_tui.analysis.property_units import units_that_follow
    from lstm_tui.debugger.inspect.findings import follow_sentence, following_lines, labels_by_pattern, labels_in_file
    from lstm_tui.debugger.unit_names import UnitNames

    value = _value(options, corpus)
    labels: Array
    if options.follows is not None:
        with behind("--follows"):
            labels, what = labels_by_pattern(corpus, options.follows), f"`{visible(options.follows)}`"
    else:
        labels, what = labels_in_file(corpus, options.labels, options.tag)
    with _states(options, corpus, [value], bar) as states:
        bar.begin("permuting")
        found = units_that_follow(states.states[value.name], labels, options.permutations, options.seed_of, bar)
    if options.json:
        follow = {
            "value": value.name, "labelled": float(np.mean(labels)), "steps": found.steps,
            "relabelled": found.relabelled, "least_p": found.least_p, "assumption": found.assumption,
        }  # fmt: skip
        print_json({**follow, "units": [_unit(one) for one in found.units]})
        return
    known = UnitNames.of_network(corpus.network)
    _head(corpus, states, names)
    print(*following_lines(found, value, known), sep="\n")
    print(follow_sentence(found, value, known, what))


def _unit(one: FollowingUnit) -> dict[str, Any]:
    return {
        "unit": one.unit, "effect": one.effect, "inside": one.inside, "outside": one.outside, "p": one.p,
        "follows": one.follows,
    }  # fmt: skip
