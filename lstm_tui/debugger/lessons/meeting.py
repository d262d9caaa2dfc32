"""A stop of a lesson meets its network: what it reads, and where in the run it stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from lstm_tui.debugger.expressions import ExpressionError, Scope, evaluate
from lstm_tui.debugger.lessons.asking import asked
from lstm_tui.debugger.lessons.lesson import MOST_TOKENS, At, Stop, Text
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.network import Network
from lstm_tui.engine.roles import memory_of
from lstm_tui.engine.tokens import tokenize
from lstm_tui.engine.trace import PassTrace, Sequence, Trace

Open = Callable[[str], Network]
"""From the name of a network in a lesson to the network; raises `UserError` where there is none."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a stop stands in its run.

    Attributes:
        pass_name: The pass.
        t: The place on the tape.
        equation: Number of the last equation that was taken.
        unit: The chosen unit.
    """

    pass_name: str
    t: int
    equation: int
    unit: int


class Meeting:
    """One stop and its network; whatever of the stop means nothing there is said with its line and column."""

    def __init__(self, stop: Stop, open_network: Open) -> None:
        """Open the network and read the text.

        Raises:
            LanguageError: There is no such network, or it does not know a word.
        """
        self.stop = stop
        self.network = self._network(open_network)
        self.sequence = self._sequence()

    def fail(self, text: Text, said: str, place: int = 0, near: str | None = None) -> NoReturn:
        """Say what is wrong at a character of something that was written."""
        page = self.stop.page
        raise page.fail_at(said, page.locate(*text.where)(place), near) from None

    def _network(self, open_network: Open) -> Network:
        try:
            network = open_network(self.stop.network.text)
        except UserError as error:
            self.fail(self.stop.network, str(error))
        if network.tokens is None:
            self.fail(self.stop.network, "this network reads numbers, and a lesson gives it text")
        return network

    def _sequence(self) -> Sequence:
        known, text = self.network.tokens, self.stop.text
        assert known is not None
        if known.definition:
            self.fail(self.stop.network, "this network reads pieces of words, and a lesson gives it words")
        words = tuple(tokenize(text.text, known.kind))
        if not 0 < len(words) <= MOST_TOKENS:
            self.fail(text, f"{len(words)} tokens; 1 to {MOST_TOKENS} go")
        ids, unknown = known.encode(words)
        if unknown:
            word = words[unknown[0]]
            near = nearest(word.lower(), (one for one in known.vocabulary if one[:1] == word[:1].lower()))
            self.fail(text, f"{self.stop.network.text} does not know “{word}”", max(text.text.find(word), 0), near)
        return Sequence(known.kind, words, ids, (), None, None, None)

    def place_in(self, trace: Trace) -> Place:
        """Return where the stop stands in a run.

        Raises:
            LanguageError: It stands nowhere.
        """
        stop = self.stop
        names = list(trace.passes)
        name = stop.pass_name.text if stop.pass_name is not None else names[0]
        if stop.pass_name is not None and name not in names:
            self.fail(stop.pass_name, f"there is {', '.join(names)}", 0, nearest(name, names))
        passed = trace[name]
        t = self.t_of(stop.at, trace) if stop.at is not None else passed.tape_place(0)
        equation = len(passed.cell.values) - 1
        if stop.equation is not None:
            equation = self.equation_of(stop.equation, passed)
        place = Place(name, t, equation, self._unit(passed, trace, t))
        if stop.task is not None and stop.task.pass_name is not None and stop.task.pass_name.text not in names:
            self.fail(stop.task.pass_name, f"there is {', '.join(names)}", 0, nearest(stop.task.pass_name.text, names))
        if stop.task is not None and stop.task.equation is not None:
            self.equation_of(stop.task.equation, passed)
        return place

    def t_of(self, at: At, trace: Trace) -> int:
        """Return the place on the tape that is meant.

        Raises:
            LanguageError: There is none.
        """
        tokens = trace.sequence.tokens
        where = Text("", at.where)
        if isinstance(at.place, int):
            if at.place >= len(tokens):
                self.fail(where, f"this tape has {len(tokens)} tokens, from 0")
            return at.place
        wanted = at.place.casefold()
        found = [t for t, token in enumerate(tokens) if token.casefold() == wanted]
        if len(found) < at.nth:
            if found:
                self.fail(where, f"“{at.place}” stands {len(found)} times on this tape, not {at.nth}")
            near = nearest(wanted, {token.casefold() for token in tokens})
            self.fail(where, f"there is no token “{at.place}” on this tape", 0, near)
        return found[at.nth - 1]

    def equation_of(self, text: Text, passed: PassTrace) -> int:
        """Return the number of an equation by its value.

        Raises:
            LanguageError: The cell has none.
        """
        values = passed.cell.values
        if text.text not in values:
            self.fail(text, f"{passed.cell.name} has no value {text.text}", 0, nearest(text.text, values))
        return values.index(text.text)

    def _unit(self, passed: PassTrace, trace: Trace, t: int) -> int:
        written = self.stop.unit
        question = written.text if written is not None else f"argmax(abs({memory_of(passed.cell)}))"
        try:
            answer = evaluate(asked(question, 0).expression, Scope(trace, passed.name), t, t + 1)
        except ExpressionError as error:
            assert written is not None
            self.fail(written, error.said, error.start)
        value = answer.values[-1, 0]
        whole = answer.kind == "number" and answer.size == 1 and float(value).is_integer()
        if not whole or not 0 <= value < passed.hidden_size:
            assert written is not None
            self.fail(written, f"`unit` is a number from 0 to {passed.hidden_size - 1}, or chooses one with argmax(…)")
        return int(value)
