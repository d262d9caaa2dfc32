"""What can be wrong in what a user gave us, said in one line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lstm_tui.engine.spelling import LONGEST, alike
from lstm_tui.engine.text_safety import visible

_FEW = 8  # names that are all told


class UserError(Exception):
    """A mistake in a file, an option or an expression, as one line: what, where, what to do.

    The command line prints it and exits 1; the screen shows it as a message. It is never a bug of the
    program, so no traceback goes with it. Whatever it quotes is made safe to show.
    """

    def __init__(self, message: str) -> None:
        """Keep the one line, with nothing in it that a terminal would obey."""
        super().__init__(visible(message))

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of it: the one line, and no traceback."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(UserError):
    """What was typed behind an option means nothing, as the wrong option would: the command line exits 2."""


@contextmanager
def behind(option: str) -> Iterator[None]:
    """Have what is wrong in the text behind an option refused as the wrong option would be.

    Raises:
        UsageError: It means nothing here.
    """
    try:
        yield
    except UsageError:
        raise
    except UserError as error:
        raise UsageError(f"{option}: {error}") from error


class UnknownName(UserError, KeyError):
    """A name that is not there, among those that are; what takes a `KeyError` takes it too."""

    def __str__(self) -> str:
        """Return the one line as it is, which a `KeyError` would put in quotes."""
        return str(self.args[0])


class LanguageError(UserError):
    """A mistake in a page of equations, with its place.

    Attributes:
        source: File name or other origin of the text.
        line: Line in the file, from 1.
        column: Column in that line, from 1.
        suggestion: The nearest right name, if there is one.
    """

    def __init__(
        self, message: str, source: str, line: int = 1, column: int = 1, suggestion: str | None = None
    ) -> None:
        """Compose the one line that is shown."""
        hint = f"; did you mean {suggestion}?" if suggestion else ""
        super().__init__(f"{source}:{line}:{column}: {message}{hint}")
        self.message = visible(message)
        self.source = source
        self.line = line
        self.column = column
        self.suggestion = suggestion


def utf8_text(data: bytes, where: str, what: str = "the file") -> str:
    """Return what bytes say in UTF-8, without the mark that may stand in front.

    Args:
        data: The bytes of a whole file.
        where: The file, as it is told.
        what: What is to be saved again.

    Raises:
        UserError: A byte is not UTF-8; which is said, from 1.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: byte {error.start + 1} is not UTF-8; save {what} as UTF-8") from None


def kind_of(given: object) -> str:
    """Return what somebody gave from Python, as a sentence has it: `None`, `a dict`, `an int`."""
    name = visible(type(given).__name__)
    return "None" if given is None else f"a{'n' * (name[:1].lower() in 'aeio')} {name}"


def no_pass(name: str, known: Iterable[str]) -> UnknownName:
    """Return the mistake of naming a pass that is not there: the nearest, or of another number all there are."""
    names = list(known)
    near = nearest(name, names)
    if near is not None and _letters(near) == _letters(name):
        near = None
    more = ", …" if len(names) > _FEW else ""
    hint = f"did you mean {near}?" if near else f"there are {', '.join(names[:_FEW])}{more}"
    return UnknownName(f"there is no pass {visible(name[:LONGEST])}; {hint}")


def unknown_name(what: str, name: object, known: Iterable[str]) -> UnknownName:
    """Return the mistake of naming what is not there: `what` stands before the name, the nearest or all behind it."""
    names, asked = list(known), str(name)
    near = nearest(asked, names)
    listed = f"there are {', '.join(names[:_FEW])}{', …' if len(names) > _FEW else ''}" if names else "there are none"
    hint = f"did you mean {near}?" if near else listed
    return UnknownName(f"{what} {visible(asked[:LONGEST])}; {hint}")


def _letters(name: str) -> str:
    return "".join(one for one in name if one not in "0123456789")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` may have been meant for (`spelling.alike`), or None when none is near."""
    return next(iter(alike(name, known)), None)
