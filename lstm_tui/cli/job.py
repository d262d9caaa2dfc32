"""What `run` and `trace` share: options to a network, its sequences, and the run of any of them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.open import ImportOptions
from lstm_tui.formats.importers.untrained import Untrained, initial_states, one_layer, untrained
from lstm_tui.formats.inputs.inputs import Sequences, read_input, vocabulary
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.formats.inputs.series import NumericSeries
from lstm_tui.formats.inputs.text import InputText
from lstm_tui.models import sample_of
from lstm_tui.models.bundled import FORWARD_MODEL, NUMBERS_MODEL, TEXT_MODEL, open_model

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.engine.arrays import Array
    from lstm_tui.engine.model.network import Network
    from lstm_tui.engine.runtime.run import Initial
    from lstm_tui.engine.runtime.trace import Trace

Progress = Callable[[int, int], None]
States = dict[str, dict[str, "Array"]]


@dataclass(frozen=True, eq=False)
class RunJob:
    """A network, the sequences of an input, and how they are run.

    Attributes:
        network: What runs.
        sequences: One for each line that holds something.
        start: Which of them comes first, from 0.
        dtype: float32 or float64.
        interpreter: numpy, numba, or None to choose by length.
        initial: States before the first step, by pass.
        carry: Whether the states go on from one sequence to the next.
        recipe: Edits to make before it is run; see `debugger.recipe`.
    """

    network: Network
    sequences: Sequences
    start: int = 0
    dtype: str = "float32"
    interpreter: str | None = None
    initial: States = field(default_factory=dict)
    carry: bool = False
    recipe: tuple[Edit, ...] = ()

    def trace(self, n: int, progress: Progress | None = None, baseline: bool = False) -> Trace:
        """Run the n-th sequence with its edits, or as it was; when states are carried, after all before it."""
        from lstm_tui.debugger.edits.apply import apply
        from lstm_tui.debugger.edits.language import line_of
        from lstm_tui.debugger.source import carried
        from lstm_tui.engine.runtime.interpreters import chosen
        from lstm_tui.engine.runtime.run import run

        sequence = self.sequences[n]
        interpreter = chosen(self.interpreter, len(sequence), len(self.network.passes))
        initial: Initial | None = self.initial or None
        if self.carry:
            initial = carried(self.network, self.sequences, n, interpreter, self.dtype, initial)
        edits = () if baseline else self.recipe
        made = apply(edits, self.network, sequence)
        lines = tuple(line_of(edit) for edit in edits)
        return run(made.network, made.sequence, interpreter, self.dtype, initial, progress, lines, made.holds)


def work(options: Namespace, said: set[str] | None = None, aloud: bool = True) -> RunJob:
    """Return what the options of an input ask for, and say on standard error what should be known of the network.

    Args:
        options: Those of an input.
        said: What was said already; where several inputs are opened, nothing is said twice.
        aloud: False where a screen or the plain mode says it itself.

    Raises:
        UserError: The input, the network or a state file is missing or wrong.
    """
    network, source = _network(options)
    if aloud:
        say_remarks(network, said)
    sequences = Sequences(source, network, options.whole)
    start = 0 if options.line is None else sequences.index_of_line(options.line)
    initial = initial_states(options.initial, network) if options.initial else {}
    recipe = recipe_of(options.edits) if options.edits is not None else ()
    return RunJob(network, sequences, start, options.dtype, options.interpreter, initial, options.carry, recipe)


def recipe_of(path: str) -> tuple[Edit, ...]:
    """Return the edits of a file, one a line.

    Raises:
        UserError: It cannot be read, or a line is no edit.
    """
    from lstm_tui.debugger.edits.language import read_recipe

    return read_recipe(path)


def _network(options: Namespace) -> tuple[Network, InputText | NumericSeries]:
    """Read the input and the network; which comes first depends on what is known of the other."""
    path = find_input(options.file or sample_of(options.model))
    if options.untrained:
        source = read_input(path)
        how = _untrained(options)
        if isinstance(source, NumericSeries):
            source.check_clear()
            if source.one_column is not None:
                say(f"{source.where}: is read as two columns; if a comma begins decimals, give it a first row: a name")
            return untrained(how, None, source.arrays[0].shape[1]), source
        return untrained(how, vocabulary(source, options.tokens or "words")), source
    if options.model is None:
        source = read_input(path, numbers=options.layer is not None)
        network = open_model(
            NUMBERS_MODEL if isinstance(source, NumericSeries) and options.layer is None else TEXT_MODEL
        )
    else:
        network = open_model(options.model, reading(options))
        source = read_input(path, numbers=network.tokens is None or options.layer is not None)
    if options.layer is not None:
        if isinstance(source, InputText):
            raise UserError(f"{source.where}: is text, and --layer gives numbers to a layer: give .csv, .npy or .npz")
        network = one_layer(network, options.layer)
    return network, source


def _untrained(options: Namespace) -> Untrained:
    return Untrained(
        cell=options.cell or "lstm",
        hidden=options.hidden or 32,
        layers=options.layers or 1,
        bidirectional=bool(options.bidirectional),
        merge=options.merge or "concat",
        seed=options.seed or 0,
        sizes=dict(options.size or ()),
        without=[name for name in (options.without or "").split(",") if name],
    )


def open_network(options: Namespace) -> Network:
    """Return the network of a text that has not come yet; an untrained one reads bytes, which are known beforehand.

    Raises:
        UserError: There is none of that name, or the file is damaged.
    """
    if options.untrained:
        return untrained(_untrained(options), Tokens.of_bytes())
    network = open_model(options.model or FORWARD_MODEL, reading(options))
    return network if options.layer is None else one_layer(network, options.layer)


def reading(options: Namespace) -> ImportOptions:
    """Return what the options say of a network's file."""
    return ImportOptions(
        dict(options.set or ()),
        options.map,
        options.network,
        options.vocabulary,
        getattr(options, "tokens", None),
        options.pad,
    )


def say(text: str) -> None:
    """Print a remark on standard error."""
    print(f"lstm-tui: {visible(text)}", file=sys.stderr)


def say_remarks(network: Network, said: set[str] | None = None) -> None:
    """Say on standard error what should be known of how a network was read, but for what was said already."""
    known = set() if said is None else said
    for remark in network.remarks:
        if remark not in known:
            say(remark)
            known.add(remark)


def say_which(todo: RunJob, line: int | None, done: str) -> None:
    """Say which of several sequences was taken when the user did not choose a line."""
    lines = todo.sequences.lines
    if line is None and len(lines) > 1:
        where = todo.sequences.where
        say(f"{where}: holds {len(lines)} sequences, and line {lines[0]} was {done}; --line N takes another")
