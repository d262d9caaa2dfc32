"""The options of an input to what is open, as one `Source`, and back to the command that opens it again."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_tui.debugger.source import Source
from lstm_tui.engine.doors import label
from lstm_tui.engine.errors import UsageError, UserError, behind
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.runtime.memory_budget import set_memory_budget
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.file_endings import ANY_SERIES
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.importers.untrained import Untrained, initial_states, one_layer, untrained
from lstm_tui.formats.inputs.framing import Framing
from lstm_tui.formats.inputs.inputs import read_input, vocabulary, with_frames
from lstm_tui.formats.inputs.numeric_series import NumericSeries
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.formats.inputs.text_input import InputText
from lstm_tui.models import sample_of
from lstm_tui.models.bundled import FORWARD_MODEL, NUMBERS_MODEL, TEXT_MODEL, open_model, text_model

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.engine.model.network import Network

_MOST_NAMED = 8
UNITS, LAYERS = 32, 1
"""Of an untrained network, where nothing else is said."""
_FILES = ("file", "model", "map", "initial", "vocabulary", "cell")
_DROPPED = {
    "--plain": 0,
    "--batch": 0,
    "--debug": 0,
    "--light": 0,
    "--dark": 0,
    "--no-rc": 0,
    "--log": 1,
    "-x": 1,
    "--edits": 1,
    "--chunk": 1,
    "--reset-every": 1,
    "--line": 1,
}
"""Options that are no part of what is open, or stand in a session as verbs, with the words behind each."""


def source_of(options: Namespace, said: set[str] | None = None, aloud: bool = True) -> Source:
    """Return what the options of an input open, and say on standard error what should be known of the network.

    Args:
        options: Those of an input.
        said: What was said already; where several inputs are opened, nothing is said twice.
        aloud: False where a screen or the plain mode says it itself.

    Raises:
        UserError: The input, the network or a state file is missing or wrong.
    """
    network, given, note = _network(options)
    if aloud:
        say_remarks(network, said, getattr(given, "columns", ()))
        if note:
            say(note)
    source = Source.of_input(network, given, options.whole, options.line)
    command = command_of(options)
    if note and command:
        command = (
            *command,
            "--model",
            network.name,
        )  # what was chosen is opened again, whatever is in the file by then
    return replace(with_run(source, options), carry=options.carry, command=command, note=note)


def with_run(source: Source, options: Namespace) -> Source:
    """Return what is open with what the options say of its run, whether it is there or still comes.

    Raises:
        UserError: A file of states or edits is missing or wrong.
    """
    assert source.network is not None
    if getattr(options, "budget", None) is not None:
        set_memory_budget(options.budget)
    return replace(
        source,
        dtype=options.dtype,
        interpreter=options.interpreter,
        initial=(initial_states(options.initial, source.network) or None) if options.initial else None,
        edit_script=(*_cuts(options), *(_edit_script(options.edits) if options.edits is not None else ())),
    )


def _cuts(options: Namespace) -> Iterator[Edit]:
    """Yield the edits that cut every tape as the options say."""
    from lstm_tui.debugger.edits.language import CutEdit

    if options.chunk is not None:
        yield CutEdit("chunk", (), options.chunk)
    if options.reset_every is not None:
        yield CutEdit("reset", (), options.reset_every)


def _edit_script(path: str) -> tuple[Edit, ...]:
    from lstm_tui.debugger.edits.edit_reader import read_edit_script

    return read_edit_script(path)


def command_of(options: Namespace) -> tuple[str, ...]:
    """Return the arguments that open the same from any folder; none for standard input, and for other commands."""
    if options.module != "run" or options.file == "-":
        return ()
    files = {value for name in _FILES if isinstance(value := getattr(options, name), str) and Path(value).is_file()}
    command: list[str] = []
    for word in without(options.given, _DROPPED):
        option, sign, value = word.partition("=")
        if word in files:
            command.append(str(Path(word).resolve()))
        elif sign and value in files:
            command.append(f"{option}={Path(value).resolve()}")
        else:
            command.append(word)
    return tuple(command)


def without(words: Sequence[str], dropped: Mapping[str, int]) -> Iterator[str]:
    """Yield arguments but for some options and the words behind each."""
    rest = iter(words)
    for word in rest:
        option, sign, _ = word.partition("=")
        glued = next((one for one in dropped if one[1] != "-" and word.startswith(one) and word != one), None)
        if option in dropped and not sign:
            for _ in range(dropped[option]):
                next(rest, None)
        elif option not in dropped and glued is None:
            yield word


def _network(options: Namespace) -> tuple[Network, InputText | NumericSeries, str]:
    """Read the input and the network, and say which was chosen; which comes first depends on what is known."""
    path = find_input(options.file or sample_of(options.model))
    if options.untrained:
        source = _framed(read_input(path), options)
        how = _untrained(options)
        if isinstance(source, NumericSeries):
            if source.framing.frame is not None:
                source = source.of_width(source.framing.frame + source.framing.context)
            source.check_clear()
            if source.one_column is not None:
                say(f"{source.where}: is read as two columns; if a comma begins decimals, give it a first row: a name")
            return untrained(how, None, source.arrays[0].shape[1]), source, ""
        return untrained(how, vocabulary(source, options.tokens or "words")), source, ""
    note = ""
    if options.model is None:
        source = _framed(read_input(path, numbers=options.layer is not None), options)
        if isinstance(source, InputText) and options.layer is None:
            network, note = text_model(source)
        else:
            network = open_model(NUMBERS_MODEL if options.layer is None else TEXT_MODEL)
    else:
        network = open_model(options.model, reading(options))
        source = _framed(read_input(path, numbers=network.tokens is None or options.layer is not None), options)
    if options.layer is not None:
        if isinstance(source, InputText):
            raise UserError(f"{source.where}: is text, and --layer gives numbers to a layer: give {ANY_SERIES}")
        with behind("--layer"):
            network = one_layer(network, options.layer)
    return network, source, note


def _framed(source: InputText | NumericSeries, options: Namespace) -> InputText | NumericSeries:
    """Return an input with the frames that are asked for."""
    given = [getattr(options, name, None) for name in ("frame", "hop", "context")]
    framing = Framing(given[0], given[1], given[2] or 0)
    return with_frames(source, framing)


def _untrained(options: Namespace) -> Untrained:
    sizes = dict(options.size or ())
    left_out = [name for name in (options.without or "").split(",") if name]
    if sizes or left_out:
        from lstm_tui.engine.compiler.compile import check_left_out
        from lstm_tui.engine.language.cell import load_cell

        cell = load_cell(options.cell or "lstm")
        with behind("--without"):
            check_left_out(cell, left_out)
        letters = cell.free_letters
        stray = next((letter for letter in sizes if letter not in letters), None)
        if stray is not None:
            has = f"; it has {', '.join(letters)}" if letters else ""
            raise UsageError(f"the cell has no free size {stray}{has}: leave --size {stray}={sizes[stray]} out")
    return Untrained(
        cell=options.cell or "lstm",
        hidden=options.hidden or UNITS,
        layers=options.layers or LAYERS,
        bidirectional=bool(options.bidirectional),
        merge=options.merge or "concat",
        seed=options.seed or 0,
        sizes=sizes,
        without=left_out,
    )


def open_network(options: Namespace) -> Network:
    """Return the network of a text that has not come yet; an untrained one reads bytes, which are known beforehand.

    Raises:
        UserError: There is none of that name, or the file is damaged.
    """
    if options.untrained:
        return untrained(_untrained(options), Tokens.of_bytes())
    network = open_model(options.model or FORWARD_MODEL, reading(options))
    if options.layer is None:
        return network
    with behind("--layer"):
        return one_layer(network, options.layer)


def reading(options: Namespace) -> ImportOptions:
    """Return what the options say of a network's file."""
    return ImportOptions(
        dict(options.set or ()),
        options.map,
        options.network,
        options.vocabulary,
        getattr(options, "tokens", None),
        options.pad,
        tuple(options.classes or ()),
    )


def say(text: str) -> None:
    """Print a remark on standard error."""
    print(f"lstm-tui: {visible(text)}", file=sys.stderr)


def say_remarks(network: Network, said: set[str] | None = None, columns: Sequence[str] = ()) -> None:
    """Say on standard error what should be known of a network and the columns it reads, but for what was said."""
    known = set() if said is None else said
    for remark in (*network.remarks, *network.remarks_on(columns)):
        if remark not in known:
            say(remark)
            known.add(remark)


def say_which(source: Source, line: int | None, done: str) -> None:
    """Say which of several sequences was taken when the user did not choose a line."""
    lines = source.line_numbers
    if line is None and len(lines) > 1:
        say(f"{source.where}: holds {len(lines)} sequences, and line {lines[0]} was {done}; --line N takes another")


def capture_source(options: Namespace, aloud: bool = True) -> Source:
    """Return one module of a capture, its sequences as lines, and the command that opens it again.

    Args:
        options: Those of `open`.
        aloud: Whether it is said which other modules there are.

    Raises:
        UserError: It is no capture, is damaged, or there is no such module or sequence in it.
    """
    from lstm_tui.living.capture import open_capture

    made = open_capture(options.file)
    with behind("--module"):
        path = made.path(options.module_path)
    if aloud and options.module_path is None and len(made.modules) > 1:
        others = ", ".join(visible(one) for one in list(made.modules)[1:_MOST_NAMED])
        say(f"{label(options.file)}: {visible(path)} is shown; --module takes another: {others}")
    file = str(Path(options.file).resolve())
    again = ("open", file, *(("--module", path) if path else ()), "--sequence", str(options.sequence or 0))
    with behind("--sequence"):
        _ = made[path, options.sequence or 0]
    return replace(made.source(path, options.sequence or 0), command=again)
