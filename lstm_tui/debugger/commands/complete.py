"""Completions of a line as far as it is typed: tokens, values, weights and file names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.language import in_quotes
from lstm_tui.debugger.session import Session
from lstm_tui.engine.text_safety import visible

_TOKEN = re.compile(r'(?P<place>\d+)\s+"?(?P<begun>[^"]*)\Z')


def complete_edit(session: Session, verb: str, rest: str) -> Iterator[str]:
    """Yield what the text behind an edit's verb may become."""
    if verb in ("replace", "insert"):
        match = _TOKEN.match(rest)
        if match is not None:
            yield from (f"{match['place']} {in_quotes(token)}" for token in tokens_like(session, match["begun"]))
        elif not rest:
            yield f"{session.frame.t} "
    elif verb == "remove":
        if not rest:
            yield f"{session.frame.t}"
    elif verb == "weight":
        yield from begun_with(session.edited.network.tensors(), rest)
    elif verb == "let":
        yield from begun_with(equations(session), rest)
    elif verb == "ablate":
        variant, gap, _ = rest.partition(" ")
        passes = (f"{variant} {one.name}" for one in session.edited.network.passes)
        yield from begun_with(passes if gap else ABLATIONS, rest)
    else:
        yield from begun_with(value_names(session), rest)


def value_names(session: Session) -> Iterator[str]:
    """Yield every value that can be set, as `layer0.forward.f[`."""
    for one in session.edited.network.passes:
        for value in (*one.program.values, "x"):
            yield f"{one.name}.{value}["
    readout = session.edited.network.readout
    for value in () if readout is None else readout.page.series:
        yield f"readout.{value}["


def equations(session: Session) -> Iterator[str]:
    """Yield every equation that can be rewritten, as `layer0.forward.f = sigmoid(…)`."""
    for one in session.edited.network.passes:
        for equation in one.program.equations:
            yield f"{one.name}.{equation.text}"


def begun_with(names: Iterable[str], begun: str) -> Iterator[str]:
    """Yield the names that begin so, none that is there already."""
    return (name for name in names if name.startswith(begun) and name != begun)


def tokens_like(session: Session, begun: str) -> Iterator[str]:
    """Yield the tokens of the vocabulary that begin so, whatever their case; none when numbers are read."""
    known = session.edited.network.tokens
    if known is None:
        return
    wanted = begun.casefold()
    for token in known.vocabulary:
        if token.casefold().startswith(wanted):
            yield token


_LOOKED_AT = 2_000


def complete_file(session: Session, rest: str) -> Iterator[str]:
    """Yield the files and folders that a path may become; hidden ones only when a dot is typed.

    A name that a terminal would obey is left out: it could not be typed as it is shown.
    """
    folder, slash, begun = rest.rpartition("/")
    try:
        with os.scandir(Path(folder + slash or ".").expanduser()) as entries:
            found = [
                f"{folder}{slash}{entry.name}{'/' if entry.is_dir() else ''}"
                for entry in islice(entries, _LOOKED_AT)
                if entry.name.startswith(begun)
                and (begun or entry.name[0] != ".")
                and visible(entry.name) == entry.name
            ]
    except OSError:
        return
    yield from sorted(found)
