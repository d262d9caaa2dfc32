"""Every term on the screen, explained in a sentence: what a label means, for somebody who sees it for the first time.

A test draws every pane at many sizes and fails where a word in a title or a label has no entry here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class GlossaryEntry:
    """One term.

    Attributes:
        term: As the screen writes it.
        says: What it means, in a sentence or two.
        also: Other words of the screen that it explains.
    """

    term: str
    says: str
    also: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Every word that leads here, in small letters but for single letters, of which C and c are two."""
        return tuple(_folded(one) for one in (self.term, *self.also))


_TEXT = """
token tokens text = One piece of the text: a word, a character, or a row of numbers. The network reads one at each
    step.
t at place = The place of a token on the tape, counted from 0.
tape line = All tokens side by side, in the order of the text.
end = Where the text ends.
more = What there is no room for here.
step = What the network does at one token: every equation of its cell, once.
unit units = One of the numbers a layer computes side by side. Each has a memory, gates and an output of its own;
    some have a name that tells what they were found to hold.
layer = Cells over the same text; the next layer reads what this one puts out.
cell LSTM GRU RNN = The equations of one step: from the token and the state before it to the state after it.
forward reads way = Reads the text from its beginning to its end.
backward = Reads the text from its end to its beginning, so that it knows what follows a token.
x input = What the cell reads at this step: the numbers that stand for the token.
h hidden = The hidden state: what a unit puts out at this step, for the readout and for its own next step.
C c memory memories state holds held = The memory, also called cell state: what a unit carries from step to step
    along the conveyor belt.
σ sigmoid = The sigmoid: makes any number one between 0 (closed) and 1 (open).
tanh = Makes any number one between −1 and 1.
fixed point points = A state that stays as it is while one token is read again and again. It is stable where every
    small change of it fades, marginal where some change stays, a saddle where one grows.
slow = Said of a state that hardly moves while one token is read again and again, though it does move.
|λ| λ eigenvalue direction directions turns constant = What a small change of the state in one direction is multiplied
    by at each token: below 1 it fades, above 1 it grows, near 1 it is kept. The time constant is how many tokens pass
    until 1/e of it is left; where it turns, how many until it points the same way again.
softmax = Makes numbers into parts of one: the larger a number, the larger its part.
gate gates opens shuts = A number between 0 and 1 by which another is multiplied: 0 lets nothing through, 1 all of
    it.
head heads = One of the matrices that a memory may be made of. What a token writes stands in it under a key, and a query
    reads it: rows down, columns across.
f forget = The forget gate: which part of the memory before this step is kept. 1 keeps all, 0 nothing.
keep keeps kept cleared clears mostly = A memory is cleared where less than a quarter of it is kept; mostly new where
    what is added to it is no less than what is kept; kept in part where it loses a quarter or more; else kept.
loses takes = A unit loses a token where it is cleared, or mostly new with a quarter or more lost; it takes one that
    wrote more than half of what it holds then. Told of memories a quarter of the largest or more: named units first,
    two at most.
i write writes written update = The input gate: which part of the candidate is written to the memory.
g candidate = The candidate: what this token would write to the memory if the input gate were open.
o show shows opened = The output gate: which part of the memory is shown as h.
back chunk ┃ ╎ = Before a token behind ┃ the states are those that the network begins with, and nothing of before is
    left; ╎ marks where a chunk of a stream begins, over which they are carried.
r reset = The reset gate of a GRU: which part of the state before is read for the candidate.
z = The update gate of a GRU: which part of the state before is kept.
n = The candidate of a GRU: the new state, if nothing of the one before were kept.
W = The weights by which what is read is multiplied; they were learned and are the same at every step.
U = The weights by which the hidden state of the step before is multiplied.
b bias = The bias: a number that is added whatever is read.
· = Times: of a matrix and a vector a product of the two, of two vectors unit by unit.
mean = Of all units of the pass: their sum divided by how many they are.
share split = Which part of a memory is there because of one token; with the start and the edits they sum to 1. On the
    tape a minus stands before the share of a token whose part is negative. Before … stands what lies left of the tape.
bars bar = Each is as long as the number beside it, where the title says from what to what.
map = Of one memory: a row for every token, a column for every step, and in it which part of the memory then is there
    because of that token.
ledger Σ contribution others attribution causation = The list of what each token has in the memory now. The
    contributions sum to the memory: Σ = C.
start began begins = What is left of the state before the first token.
linear = A memory can be split by token only where it is kept and added to, not bent by a function.
lost forgotten −lost = Here a quarter or more of the memory of all units together was not kept. Behind − stands
    the token that lost most.
new +new = + marks a token that wrote a quarter or more of what is in the memory of all units after it.
colour below = What the background of the tape shows: the darker or brighter, the larger the number; v takes the
    next.
order |C| |h| size index = How units are ordered: by the size of a number, by how much it changed at this step, or by
    index, their own order; o takes another.
largest = Those of the largest size, whatever their sign.
change Δ changed = How much a number is another than before: than at the step before, or than without your edits.
output says whole so far here = What the network says: of the whole text, of what it has read so far, or of this token.
difference apart = How far two networks are apart. Of probabilities: which part the second puts elsewhere, from 0, the
    same, to 1, nothing in common; of other numbers half the sum of all changes. Of memories: |C − C′| of all units
    together over |C| + |C′|.
differ = ◆ marks a token at which the networks do not say the same.
lane lanes lockstep = One pass of one of the networks that read the same text, all at the same token.
matrix vector weights parameters = Learned numbers: a matrix has a row for each unit and a column for each number
    that it reads, a vector a number for each unit.
readout = The last equations: from the hidden state to what the network says.
next word character byte = How likely each token is to come next, as the network sees it; ▸ marks the one that came.
bits = The surprise of a token: 0 if it was certain, 1 if it was one of two equally likely ones, and so on.
perplexity = Among how many equally likely tokens the network chose, on the mean over the text.
diagram room columns rows = The cell as a picture: the belt of the memory on top, gates as boxes, what they do to it as
    circles, with the numbers of this unit on the wires. D gives it the whole screen.
position = Which part of the verdict comes from the state at each place of the tape. That state has read the words
    around it too, so it is not a part of the word alone.
attention answer = Weights that sum to 1: how much of each token's state the readout takes, or, inside a step, how much
    of each place of the collection.
collection looked = A cell that looks back keeps a row for each token that was read, and takes each by its attention.
axis ± = The scale of a bar: its full length is the number that stands behind ±.
terms = The summands inside the outermost function of the equation, with their numbers.
products = A weight times a number that is read, such as x[5]: those of the largest size.
near = Words whose numbers point most nearly the same way, with the cosine between them: 1 is
    exactly the same way.
value values number = One row of numbers of the cell, one for each unit: a gate, the candidate, the memory, the
    hidden state.
equation op = One line of the cell; s takes the next one.
edit edits edited set protected = A change that you made: of a token, a number, a weight or an equation. z takes it
    back.
baseline was before past = The run without your edits, shown beside the edited one.
unknown unk model = A token that the network has not learned; it reads all of them as the same one.
asked only = Some networks learned to answer at the last token only; what they say before it means nothing.
computed yet recorded = Not computed yet: the run stands before the equation that makes it.
finite explodes ‼ ↑ = Not a number, or infinite: something went wrong in this unit.
dead † = No gradient comes back to this unit: it does not learn from this text.
active never ∅ = Never active: the unit puts out almost nothing.
stuck = The unit puts out the same number at every step.
pass = One reading of the text by one layer in one direction.
name = What a unit was found to hold, from the network's card, or what you call it: :name.
lessons = Steps through trained networks with a sentence at each: forgetting, writing, showing. T opens them.
"""
"""The entries as they are written: the term, other words that it explains, and behind ` = ` the sentence."""


def _entries(text: str) -> Iterator[GlossaryEntry]:
    for row in re.split(r"\n(?=\S)", text.strip()):
        words, _, says = " ".join(row.split()).partition(" = ")
        term, *also = words.split()
        yield GlossaryEntry(term, says, tuple(also))


GLOSSARY = tuple(_entries(_TEXT))
"""Every term, roughly in the order in which a newcomer meets them."""

_WORD = re.compile(r"[A-Za-z_]+|\|[A-Za-z]\||[^\sA-Za-z0-9_]")
_OF_CELLS = frozenset("Cfgionrz")
"""Terms that are values of a cell; where the cell has no such value, they say nothing of it."""
_GENERAL = frozenset(("gate", "gates", "cell", "unit", "units", "memory", "memories"))
"""Words of labels that are terms of their own."""


def _folded(word: str) -> str:
    return word if len(word) == 1 else word.casefold()


_BY_WORD = {word: entry for entry in GLOSSARY for word in entry.words}


def entry_of(word: str) -> GlossaryEntry | None:
    """Return the entry that explains a word; None where there is none."""
    return _BY_WORD.get(_folded(word)) or _BY_WORD.get(word)


@dataclass(frozen=True)
class PaneWords:
    """What words mean in one pane of a run, where that is not what the glossary says.

    Attributes:
        values: The values of the cell, by the letter with which they are written: what the cell itself says of them.
        labels: Words that stand for one of these letters: those of the cell's labels and of what its gates do.
        memory: The letter of the memory.
        texts: Words of the text, or of the vocabulary, that the pane shows: they are no terms.
        dot: What · means in the pane; empty where it only parts words.
    """

    values: Mapping[str, str]
    labels: Mapping[str, str]
    memory: str
    texts: Collection[str] = ()
    dot: str = ""

    def terms_in(self, text: str) -> tuple[GlossaryEntry, ...]:
        """Return the terms of a pane's text, each once, in their order: what stands there, in its sense there."""
        stands = [match.group() for match in _WORD.finditer(text)]
        words = {_folded(word) for word in stands}
        found: dict[str, GlossaryEntry] = {}
        for word in stands:
            entry = self._of(word)
            if entry is not None and entry.says not in found:
                shown = entry.term if _folded(entry.term) in words else word
                found[entry.says] = GlossaryEntry(shown, entry.says)
        return tuple(found.values())

    def _of(self, word: str) -> GlossaryEntry | None:
        folded = _folded(word)
        value = "C" if word == "c" and "C" in self.values else word
        if folded in self.texts and len(word) > 1:
            return None
        if value not in self.values and folded not in _GENERAL:
            value = self.labels.get(folded, value)
        if self.values.get(value):
            return GlossaryEntry(value, self.values[value])
        if word == "·":
            return GlossaryEntry(word, self.dot) if self.dot else None
        entry = None if folded in self.texts else entry_of(word)  # a letter of a text too
        if entry is None or entry.term not in _OF_CELLS:
            return entry
        if entry.term == "C" and len(word) > 1:
            other = f"What a unit carries from step to step: in this cell {self.memory}."
            return GlossaryEntry(word, entry.says if "C" in self.values else other)
        return None


def asked(word: str) -> Iterator[GlossaryEntry]:
    """Yield the entries that a word asks for: its own, else those that tell of it.

    Raises:
        UserError: None does.
    """
    entry = entry_of(word)
    if entry is not None:
        yield entry
        return
    wanted = word.casefold()
    told = [one for one in GLOSSARY if len(wanted) > 1 and wanted in f"{one.term} {one.says}".casefold()]
    if not told:
        near = nearest(wanted, (one for one in _BY_WORD if len(one) > 1))
        hint = f"; did you mean {near}?" if near else "; `glossary` lists every term"
        raise UserError(f"the glossary has no “{visible(word[:40])}”{hint}")
    yield from told
