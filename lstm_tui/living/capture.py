"""`lstm_tui.capture`: one run of a living PyTorch model, forwards and backwards, to look into and to keep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.endings import INTERRUPTED
from lstm_tui.debugger.source import Source
from lstm_tui.formats.captures.captured_batch import CapturedBatch

if TYPE_CHECKING:
    from lstm_tui.debugger.commands.console import TypedSession
    from lstm_tui.debugger.session import Session

__all__ = ["Capture", "capture", "open_capture", "show"]


class Capture(CapturedBatch):
    """One run of a living model: `run["enc.rnn", 3].f` is the forget gate of one sequence, (T, H).

    `run.save(FILE)` writes a file that `lstm-tui open` opens without PyTorch.
    """

    def save(self, path: str | Path) -> None:
        """Write it as a `.npz` file, which `lstm-tui open` and `lstm_tui.open_capture` open without PyTorch.

        Raises:
            UserError: It cannot be written.
        """
        from lstm_tui.formats.captures.capture_file import write

        write(self, path)

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
    from lstm_tui.tui.app import run_app
    from lstm_tui.tui.controllers.autosave import Offer

    def at_place(session: Session) -> tuple[str, ...]:
        session.goto(t or 0)
        return ()

    code = run_app(source, resume=None if t is None else Offer("", at_place))
    if code > 128 and code != INTERRUPTED:
        raise SystemExit(code)
