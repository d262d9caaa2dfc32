"""`lstm_tui.capture`: one run of a living PyTorch model, forwards and backwards, to look into and to keep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.debugger.breakpoints.assertions import asked_pass
from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.debugger.expressions import Scope, evaluate, parse
from lstm_tui.debugger.expressions.series import any_unit
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of, nearest
from lstm_tui.engine.runtime.tables import Library, table_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch

if TYPE_CHECKING:
    from lstm_tui.debugger.commands.console import TypedSession
    from lstm_tui.debugger.session import Session

__all__ = ["Capture", "capture", "open_capture", "show"]

_MOST_NEAR = 1_000
"""Tokens of a sequence among which one is looked for that is written almost alike."""


@dataclass(frozen=True)
class TokenPlace:
    """A token of a sequence of a batch; `run[place.at].trace.at(place.t)` are the values there.

    Attributes:
        module: The path of the module.
        sequence: Which sequence of the batch, from 0.
        call: Which call of the module, from 0.
        t: Place on the tape, from 0.
        token: The token.
    """

    module: str
    sequence: int
    call: int
    t: int
    token: str

    @property
    def at(self) -> tuple[str, int, int]:
        """What a capture is asked by for this sequence."""
        return self.module, self.sequence, self.call

    def __str__(self) -> str:
        """Say where it is."""
        return f"{visible(self.module)}, sequence {self.sequence}, t={self.t} “{visible(self.token)}”"


class Capture(CapturedBatch):
    """One run of a living model: `run["enc.rnn", 3].f` is the forget gate of one sequence, (T, H).

    `run.save(FILE)` writes a file that `lstm-tui open` opens without PyTorch.
    """

    def save(self, path: str | Path) -> None:
        """Write it as a `.npz` file, which `lstm-tui open` and `lstm_tui.open_capture` open without PyTorch.

        Raises:
            UserError: It cannot be written, or its name has another ending.
        """
        from lstm_tui.formats.captures.capture_file import write

        if Path(path).suffix.lower() != ".npz":
            raise UserError(f"a capture is written as .npz: {visible(Path(path).name)} has another ending")

        write(self, path)

    def table(self, values: Sequence[str] | str | None = None, module: str | None = None) -> dict[str, Array]:
        """Return the batch as columns of one length, a row for each unit of each value at each token.

        They are `module`, `call`, `sequence`, `pass`, `t`, `token`, `name` (of the value, such as `f`), `unit` and
        `value`; of a batch that was captured with a loss also `gradient`, of the loss by the value.

        Args:
            values: Names of values, of every pass that has them; by default all.
            module: Its path, or the end of it; by default every module.

        Raises:
            UserError: There is no such module or value, or there are too many rows.
        """
        from lstm_tui.formats.captures.long_table import long_table

        path = None if module is None else self.path(module)
        return long_table([one for one in self.runs if path in (None, one.module.name)], values)

    def to_frame(
        self,
        values: Sequence[str] | str | None = None,
        module: str | None = None,
        library: Library | None = None,
    ) -> Any:
        """Return the batch as one long table of pandas, or of polars where pandas is not installed.

        Grouped by `token`, the mean of the column `value` of `run.to_frame("f")` is the mean forget gate of each token.

        Args:
            values: As for `table`, which says what its columns are.
            module: As for `table`.
            library: `pandas` or `polars`.

        Raises:
            UserError: As for `table`, or no library for it is installed.
        """
        columns = self.table(values, module)
        return table_of({name: list(one) if one.dtype == object else one for name, one in columns.items()}, library)

    def source(self, module: str | None = None, sequence: int = 0, call: int = 0) -> Source:
        """Return a module with all sequences that entered it, as what a session and the screen open.

        Args:
            module: Its path, or the end of it; by default the first.
            sequence: Which sequence is opened first, from 0.
            call: Which call of it, from 0.

        Raises:
            UserError: There is no such module, sequence or call.
        """
        wanted = self[self.path(module), sequence, call]
        runs = self.of_module(module, call)
        return Source.of_captured(runs, runs.index(wanted))

    def session(self, module: str | None = None, sequence: int = 0, call: int = 0) -> TypedSession:
        """Open a debugger without a screen on a module; its lines are the sequences of the batch.

        Args:
            module: As for `source`.
            sequence: As for `source`.
            call: As for `source`.

        Raises:
            UserError: There is no such module, sequence or call.
        """
        from lstm_tui.debugger.commands.console import TypedSession

        return TypedSession.open(self.source(module, sequence, call))

    @quiet()
    def find(self, condition: str, module: str | None = None) -> tuple[TokenPlace, ...]:
        """Return every place of every sequence at which a condition holds: `run.find("mean(f) < .1")`.

        Args:
            condition: In the debugger's language; of a value of many units it is enough that it is so of one.
            module: As for `source`; all its calls are asked.

        Returns:
            The places, sequence by sequence, and along each in reading order; where it is not known, as of a NaN,
            there is none.

        Raises:
            UserError: It is no condition, means nothing in this module, or there is no such module.
        """
        path, found, asked = self.path(module), list[TokenPlace](), parse(condition)
        for run in (one for one in self.runs if one.module.name == path):
            scope = Scope(run.trace, asked_pass(run.trace, None))
            answer = evaluate(asked, scope, 0, len(run))
            if answer.kind != "truth":
                raise UserError(f"{visible(condition)!r} is no condition: compare it, as in … > 0")
            answer = any_unit(answer)
            holds = np.broadcast_to(answer.values & answer.known, (len(run), 1))[:, 0]
            steps = scope.passed.reading_step
            for t in sorted(map(int, np.flatnonzero(holds)), key=steps):
                found.append(TokenPlace(path, run.batch, run.call, t, run.sequence.tokens[t]))
        return tuple(found)

    def places(self, token: str, module: str | None = None) -> tuple[TokenPlace, ...]:
        """Return every place of every sequence at which a token stands: the same word, read in other company.

        Args:
            token: The token, as the tape shows it.
            module: As for `source`; all its calls are asked.

        Raises:
            UserError: It stands in none of the sequences, or there is no such module.
        """
        if not isinstance(token, str):
            raise UserError(f"a token is a text, as the tape shows it; this is {kind_of(token)}")
        path = self.path(module)
        mine = [one for one in self.runs if one.module.name == path]
        found = tuple(TokenPlace(path, run.batch, run.call, t, token) for run in mine for t in run.trace.places(token))
        if not found:
            near = nearest(token, {one for run in mine for one in run.sequence.tokens[:_MOST_NEAR]})
            hint = f"; did you mean “{visible(near)}”?" if near else ""
            raise UserError(f"there is no “{visible(token[:40])}” in these sequences{hint}")
        return found

    def debug(self, module: str | None = None, sequence: int = 0, call: int = 0) -> None:
        """Open the screen on a module, with tokens on the tape and what the model said.

        Args:
            module: As for `source`.
            sequence: As for `source`.
            call: As for `source`.

        Raises:
            UserError: There is no such module, sequence or call, or no terminal.
        """
        show(self.source(module, sequence, call))


def as_capture(made: CapturedBatch) -> Capture:
    """Return what was captured with what opens it."""
    return Capture(**{one.name: getattr(made, one.name) for one in fields(made)})


def capture(
    model: Any,
    batch: Any,
    targets: Any = None,
    loss: Callable[..., Any] | None = None,
    tokens: Any = None,
    classes: Sequence[str] = (),
) -> Capture:
    """Run a PyTorch model once and keep what its recurrent modules did, forwards and, with a loss, backwards.

    The model runs in evaluation mode and is left as it was, its gradients too.

    Args:
        model: A module with recurrent modules anywhere in it.
        batch: What it takes: a tensor, an array or a list, a tuple of several, or what it takes by name.
        targets: Handed to the loss; shown beside each sequence.
        loss: A function of what the model gives and the targets (of the first alone, without targets), such as
            `torch.nn.functional.cross_entropy`; it returns one number.
        tokens: What ids mean, for the tape: a list of tokens by id, a vocabulary, a tokenizer, a function of an id,
            or for each sequence its tokens.
        classes: Names of what the model says.

    Returns:
        The capture: `run["enc.rnn", 3]` is the fourth sequence through the module `enc.rnn`. Its gates are numbers of
        our engine run on what entered the module; `.difference` says how far they are from PyTorch's. With a loss
        `.gradients` holds the gradient by every gate and token.

    Raises:
        UserError: The model has no recurrent module, does not run on this, or the loss is no one number.
    """
    from lstm_tui.formats.captures.from_torch import captured

    return as_capture(captured(model, batch, targets, loss, tokens, classes))


def open_capture(path: str | Path) -> Capture:
    """Read a capture that `save` wrote; PyTorch is not needed.

    Raises:
        UserError: It is none, or is damaged.
    """
    from lstm_tui.formats.captures.capture_file import read

    return as_capture(read(path))


def has_screen() -> bool:
    """Say whether there is a terminal to draw on."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def show(source: Source, t: int | None = None) -> None:
    """Open the screen from a program that goes on behind it; told to end, the program is ended too.

    Args:
        source: What is open.
        t: Place on the tape where it stands first; by default the first token.

    Raises:
        UserError: There is no terminal.
    """
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        raise UserError("there is no terminal to draw on; .session(…) of a capture is the debugger without a screen")
    from lstm_tui.tui.app import run_app
    from lstm_tui.tui.controllers.autosave import Offer

    def at_place(session: Session) -> tuple[str, ...]:
        session.goto(t or 0)
        return ()

    code = run_app(source, resume=None if t is None else Offer("", at_place))
    if code > 128 and code != INTERRUPTED:
        raise SystemExit(code)
