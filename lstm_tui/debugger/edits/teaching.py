"""Teaching as an edit: a network trained further on a few texts, with what that does to them and to other texts.

What was taught is kept for as long as the program runs, so that undo, redo and other edits need no second training. The
same line on the same network gives the same bits, so sessions and scripts hold the line alone.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from lstm_tui.analysis.train.further import Further, example, says_next, trained_further
from lstm_tui.analysis.train.loss import Example, mean_loss
from lstm_tui.debugger.edits.language import TeachEdit
from lstm_tui.debugger.edits.openings import read_as
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import count_of, from_to
from lstm_tui.engine.runtime.compiling import about_to_take_long
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.bundled_files import HELD_OUT, held_out_path, is_bundled
from lstm_tui.formats.inputs.text_input import read_text

MOST_TOKENS = 2_000
_KEPT = 4
_MOST_UNKNOWN = 4
_taught: OrderedDict[tuple[str, TeachEdit], Network] = OrderedDict()


def examples_of(edit: TeachEdit, network: Network) -> list[Example]:
    """Return what a network learns of the texts of an edit.

    Raises:
        UserError: It cannot be taught, knows no such class, or the texts are too long.
    """
    label = _label(edit.label, network)
    ids = [read_as(text, network).ids for text in edit.texts]
    read = [one for one in ids if one is not None]
    if len(read) < len(ids):
        raise UserError(f"{visible(network.name)} reads what layers below make of a text: it cannot be taught by texts")
    count = sum(map(len, read))
    if count > MOST_TOKENS:
        raise UserError(f"{count} tokens to teach; {MOST_TOKENS} is the most: `lstm-tui train` learns more")
    return [example(network, one, label) for one in read]


def _label(label: str | None, network: Network) -> int | None:
    """Return the number of a class; None where the next token is taught."""
    classes = ", ".join(visible(one) for one in network.classes[:8])
    if says_next(network):
        if label is not None:
            raise UserError(f"{visible(network.name)} is taught by its next words: leave `as {visible(label)}` out")
        return None
    if label is None:
        raise UserError(f"which class should it say? `as` and one of {classes} behind the texts")
    if label not in network.classes:
        near = nearest(label, network.classes)
        hint = f"did you mean {visible(near)}?" if near else f"there are {classes}"
        raise UserError(f"{visible(network.name)} knows no class {visible(label)!r}; {hint}")
    return network.classes.index(label)


def taught(edit: TeachEdit, network: Network, progress: Callable[[int, int], None] | None = None) -> Network:
    """Return a copy of a network that has learned the texts of an edit.

    Args:
        edit: What is taught.
        network: What learns; it is left as it is.
        progress: Called with the steps done and the steps in all; it may raise to end the training.

    Raises:
        UserError: As `examples_of`, or the weights grew without bound.
        StillToCompile: Nobody may wait for it here.
    """
    key = _digest(network), edit
    if key not in _taught:
        learned = examples_of(edit, network)
        about_to_take_long()
        _taught[key] = trained_further(network, learned, Further(edit.epochs, edit.rate), chosen_for_many(), progress)
        while len(_taught) > _KEPT:
            _taught.popitem(last=False)
    return _taught[key].copy()


def _digest(network: Network) -> str:
    """Return a digest of what a network is and of every weight."""
    found = hashlib.sha256(repr((network.name, [one.cell.name for one in network.passes])).encode())
    for name, array in network.tensors().items():
        found.update(name.encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


@dataclass(frozen=True)
class HeldOut:
    """Texts that a network did not learn from.

    Attributes:
        noun: What they are, such as `stories`.
        examples: What it should say of them.
    """

    noun: str
    examples: Sequence[Example]

    def __str__(self) -> str:
        """Return how many there are: `100 unseen stories`."""
        return f"{len(self.examples)} unseen {self.noun}"


def held_out_of(network: Network) -> HeldOut | None:
    """Return the texts that judge a bundled network; None for any other, of which none are known."""
    if network.file is not None or not is_bundled(network.name) or network.tokens is None:
        return None
    file = next((file for begun, file in HELD_OUT.items() if network.name.startswith(begun)), None)
    if file is None:
        return None
    made = []
    for line in _lines(file):
        label, tab, text = line.rpartition("\t")
        if tab and label not in network.classes:
            return None
        ids, _ = network.tokens.encode(text.split())
        made.append(example(network, ids, network.classes.index(label) if tab else None))
    return HeldOut(file.partition(".")[0], made)


@cache
def _lines(file: str) -> tuple[str, ...]:
    return tuple(read_text(held_out_path(file)).lines)


def taught_words(edit: TeachEdit, before: Network, after: Network | None) -> str:
    """Return a teaching in words: what it did to the texts, and what it cost on others.

    Args:
        edit: What was taught.
        before: The network that learned.
        after: What became of it; None where that was not computed yet.

    Raises:
        UserError: As `examples_of`.
    """
    learned = examples_of(edit, before)
    unknown = dict.fromkeys(
        sequence.tokens[t] for sequence in (read_as(text, before) for text in edit.texts) for t in sequence.unknown
    )
    strange = f"; unknown: {', '.join(f'“{visible(one)}”' for one in [*unknown][:_MOST_UNKNOWN])}" if unknown else ""
    what = f"taught {count_of(len(learned), 'text')}" + (f" as {visible(edit.label)}" if edit.label else "")
    if after is None:
        return f"{what}, {count_of(edit.epochs, 'epoch')}{strange}"
    unit = (
        f"a {(before.tokens.kind if before.tokens else 'words').removesuffix('s')}" if edit.label is None else "a text"
    )
    old, new = (mean_loss(one, learned) for one in (before, after))
    said = f"{what}: loss {from_to(old, new)} {unit}"
    others = held_out_of(before)
    if others is None:
        return f"{said}; what it cost on other texts is not known{strange}"
    old, new = (mean_loss(one, others.examples) for one in (before, after))
    which = ", which is worse" if new > old else ", which is better" if new < old else ""
    return f"{said}; that of {others} {from_to(old, new)}{which}{strange}"
