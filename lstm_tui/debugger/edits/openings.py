"""Edits that have the run begin anew: another network on the same text, or another text in the same network."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import overload

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.answer import answer_begins, answered
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.bundled_files import is_bundled
from lstm_tui.formats.importers.named import find_model, open_model
from lstm_tui.formats.inputs.inputs import encoded, text_sequence
from lstm_tui.formats.inputs.preprocess import as_read, as_trained

HERE = "the text"
"""What messages call the text that is on the tape."""


def network_named(name: str) -> Network:
    """Return a network by its name or file; nobody may write to it, since it is handed out again.

    Raises:
        UserError: There is none, or its file is damaged.
    """
    if is_bundled(name):
        return _bundled(name)
    file = find_model(name)
    try:
        found = file.stat()
    except OSError:
        return open_model(name)  # which says what is wrong
    return _opened(name, str(file.resolve()), found.st_size, found.st_mtime_ns)


@cache
def _bundled(name: str) -> Network:
    return open_model(name)


@lru_cache(maxsize=8)
def _opened(name: str, file: str, size: int, changed: int) -> Network:
    return open_model(name)


def read_as(text: str, network: Network, where: str = HERE) -> Sequence:
    """Return a text that was typed as a network reads it.

    Raises:
        UserError: The network reads no text, or there is nothing to read in it.
    """
    if network.tokens is None:
        raise UserError(f"{visible(network.name)} reads numbers, and this is a text: `model` names those that read one")
    sequence = text_sequence(text.strip(), network.tokens)
    if not len(sequence):
        raise UserError("there is nothing to read in this text")
    return as_trained(sequence, network, where)


def asked(sequence: Sequence, network: Network | None) -> Sequence:
    """Return a text without the answer that a network has put behind it; the whole where that is all of it."""
    begins = answer_begins(sequence.tokens, network)
    if not begins or sequence.ids is None:
        return sequence
    return replace(
        sequence,
        tokens=sequence.tokens[:begins],
        ids=sequence.ids[:begins],
        unknown=tuple(t for t in sequence.unknown if t < begins),
    )


def reread(sequence: Sequence, network: Network, before: Network | None = None) -> Sequence:
    """Return what is on the tape as `unanswered`, with the answer of the network behind it where it gives one.

    Raises:
        UserError: As `unanswered`.
    """
    return answered(unanswered(sequence, network, before), network)


def unanswered(sequence: Sequence, network: Network, before: Network | None = None) -> Sequence:
    """Return what is on the tape as another network reads it: the same tokens where it reads such, else the same text.

    Args:
        sequence: What is on the tape.
        network: The network that reads it.
        before: The one that read it until now, whose answer is no part of the text.

    Raises:
        UserError: One reads text and the other numbers, or not so many of them.
    """
    name = visible(network.name)
    sequence = asked(sequence, before)
    if sequence.ids is None:
        if network.tokens is not None or network.front is not None:
            reads = "what goes through layers below" if network.tokens is None else network.tokens.kind
            raise UserError(f"{name} reads {reads}, and this is numbers")
        if sequence.x is None or sequence.x.shape[1] != network.input_size:
            width = 0 if sequence.x is None else sequence.x.shape[1]
            raise UserError(f"{name} reads {count_of(network.input_size, 'number')} a step, and this is {width}")
        return sequence
    tokens = network.tokens
    if tokens is None:
        raise UserError(f"{name} reads numbers, and this is a text: `model` alone lists those that read it")
    if tokens.kind == sequence.kind and not tokens.definition:
        made = encoded(sequence.tokens, tokens, HERE, sequence.file, sequence.line)
    else:
        made = replace(text_sequence(text_of(sequence), tokens), file=sequence.file, line=sequence.line)
    if not len(made):
        raise UserError(f"{name} finds nothing to read in this text")
    return as_read(made, network, HERE)


@dataclass(frozen=True, eq=False)
class Reread(Items[Sequence]):
    """The lines of a file as another network reads them, each when it is needed.

    Attributes:
        lines: As the network reads them that the file was opened with.
        network: The other network.
        opened: The one they were opened with.
    """

    lines: Items[Sequence]
    network: Network
    opened: Network | None = None

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, at: int) -> Sequence: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Sequence, ...]: ...
    def __getitem__(self, at: int | slice) -> Sequence | tuple[Sequence, ...]:
        if isinstance(at, slice):
            return tuple(reread(one, self.network, self.opened) for one in self.lines[at])
        return reread(self.lines[at], self.network, self.opened)


def lines_as_read(lines: Items[Sequence], opened: Network | None, network: Network) -> Items[Sequence]:
    """Return the lines of a file as the network reads them that is run now.

    Args:
        lines: As they were opened.
        opened: The network they were opened with.
        network: The one that is run, which an edit `model` may have put in its place.
    """
    same = opened is None or (opened.tokens == network.tokens and opened.input_size == network.input_size)
    return lines if same else Reread(lines, network, opened)


def text_of(sequence: Sequence) -> str:
    """Return the tokens of a text as one text again; where words were apart, a blank stands between them."""
    if sequence.kind == "words":
        return " ".join(sequence.tokens)
    whole = "".join(sequence.tokens)
    if sequence.kind == "bytes":
        return bytes(map(ord, whole)).decode("utf-8", "surrogateescape")
    return whole.replace("▁", " ").replace("Ġ", " ").strip() if sequence.kind == "pieces" else whole


def same_file(one: Network, name: str) -> bool:
    """Say whether a name means the network that is run already, as its file has it."""
    if one.file is not None:
        return Path(one.file).expanduser().resolve() == Path(name).expanduser().resolve()
    return one.name == name and is_bundled(name)
