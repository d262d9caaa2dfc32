"""A run that stands at a stop of a lesson, what is said there, and whether what should be tried was done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from lstm_tui.debugger.expressions import ExpressionError, Scope, evaluate
from lstm_tui.debugger.lessons.asking import Piece, Wrong, asked, told, true, with_unit
from lstm_tui.debugger.lessons.lesson import MOST_TOKENS, At, Stop, Text, Try
from lstm_tui.debugger.recipe import CellEdit, Edit, TokenEdit, ValueEdit, WeightEdit, parse_edit
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import LanguageError, UserError, nearest
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


class Standing:
    """One stop, met with its network."""

    def __init__(self, stop: Stop, open_network: Open) -> None:
        """Run the text with its edits and go to the stop's place.

        Raises:
            LanguageError: Something of the stop means nothing here, with line and column.
        """
        self.stop = stop
        self.network = self._network(open_network)
        self.sequence = self._sequence()
        self.session = Session.open(self.network, [self.sequence])
        self._edit(stop.edits, lambda text: parse_edit(text))
        self.place = self._place()
        self.begun = self.session.history.done
        self.session.select_pass(self.place.pass_name)
        self.session.goto(self.place.t)
        if stop.equation is not None:
            self.session.goto_equation(self.place.equation)

    # --- what is said ---

    def say(self) -> tuple[Piece, ...]:
        """Return the sentences of the stop, with the numbers of its own run."""
        return self._told(self.stop.say, self.session, self.place.t)

    def what_to_try(self) -> tuple[Piece, ...]:
        """Return what to try; empty when there is nothing."""
        task = self.stop.task
        return () if task is None else self._told(task.say, self.session, self.place.t)

    def then(self, session: Session) -> tuple[Piece, ...]:
        """Return what is said once it was tried, with the numbers of the run as it is then."""
        task = self.stop.task
        return () if task is None or task.then is None else self._told(task.then, session, session.frame.t)

    def edits(self) -> tuple[Edit, ...]:
        """Return the edits in force at the stop."""
        return self.session.history.active

    # --- trying ---

    def noticed(self, session: Session) -> bool:
        """Say whether what should be tried was done in a session that began at this stop."""
        task, position = self.stop.task, session.frame.position
        if task is None or session.frame.trace.network is None:
            return False
        if task.edit and not any(is_of(task.edit, one) for one in session.history.active[self.begun :]):
            return False
        if task.pass_name is not None and position.pass_name != task.pass_name.text:
            return False
        if task.equation is not None and position.equation != self._equation(task.equation, session.frame.passed):
            return False
        if task.at is not None:
            try:
                if position.t != self._t(task.at, session.frame.trace):
                    return False
            except UserError:  # the token was edited away
                return False
        if task.done is None:
            return True
        try:
            return self._true(task.done.text, session, position.t)
        except ExpressionError:
            return False

    def doings(self) -> tuple[Callable[[Session], object], ...]:
        """Return what the lines of the try do, each to be done to a session."""
        task = self.stop.task
        return () if task is None else tuple(self._doing(line) for line in task.lines)

    def _doing(self, line: Text) -> Callable[[Session], object]:
        text = with_unit(line.text, self.place.unit).strip()
        verb, _, rest = text.partition(" ")
        try:
            if verb == "goto":
                at = At(int(rest) if rest.strip().isdecimal() else rest.strip().strip('"'), 1, line.where)
                return lambda session: session.goto(self._t(at, session.frame.trace))
            if verb == "pass":
                return lambda session: session.select_pass(rest.strip())
            if verb == "equation":
                name = Text(rest.strip(), line.where)
                return lambda session: session.goto_equation(self._equation(name, session.frame.passed))
            edit = parse_edit(text)
        except UserError as error:
            self.fail(line, str(error))
        return lambda session: session.edit(edit)

    # --- what is true ---

    def false_claims(self) -> Iterator[tuple[Text, str]]:
        """Yield every claim that does not hold, of the stop and of its try once done, and why."""
        yield from self._false(self.stop.claims, self.session)
        task = self.stop.task
        if task is None:
            return
        if self.noticed(self.session):
            yield task.say, "this is noticed before it is tried"
        if task.lines:
            session = self.session.fork()
            for act, line in zip(self.doings(), task.lines, strict=True):
                try:
                    act(session)
                except LanguageError:
                    raise
                except UserError as error:
                    self.fail(line, str(error))
            if not self.noticed(session):
                yield task.lines[-1], "when these lines are done, that is not noticed"
            yield from self._false(task.claims, session)
            self.then(session)

    def _false(self, claims: Iterable[Text], session: Session) -> Iterator[tuple[Text, str]]:
        for claim in claims:
            try:
                holds = self._true(claim.text, session, session.frame.t)
            except ExpressionError as error:
                self.fail(claim, error.said, error.start)
            if not holds:
                yield claim, f"this does not hold: {claim.text}"

    # --- reading against the run ---

    def fail(self, text: Text, said: str, place: int = 0, near: str | None = None) -> NoReturn:
        """Say what is wrong at a character of something that was written."""
        page = self.stop.page
        raise page.fail_at(said, page.locate(*text.where)(place), near) from None

    def _told(self, text: Text, session: Session, t: int) -> tuple[Piece, ...]:
        try:
            return tuple(told(text.text, self.place.unit, *self._scopes(session), t))
        except Wrong as error:
            self.fail(text, error.said, error.place)

    def _true(self, text: str, session: Session, t: int) -> bool:
        return true(text, self.place.unit, *self._scopes(session), t)

    def _scopes(self, session: Session) -> tuple[Scope, Scope]:
        frame, name = session.frame, self.place.pass_name
        before = frame.trace if frame.difference is None else frame.difference.before
        return Scope(frame.trace, name), Scope(before, name)

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
        words = tuple(tokenize(text.text, known.kind))
        if not 0 < len(words) <= MOST_TOKENS:
            self.fail(text, f"{len(words)} tokens; 1 to {MOST_TOKENS} go")
        ids, unknown = known.encode(words)
        if unknown:
            word = words[unknown[0]]
            near = nearest(word.lower(), (one for one in known.vocabulary if one[:1] == word[:1].lower()))
            self.fail(text, f"{self.stop.network.text} does not know “{word}”", max(text.text.find(word), 0), near)
        return Sequence(known.kind, words, ids, (), None, None, None)

    def _edit(self, lines: Iterable[Text], read: Callable[[str], Edit]) -> None:
        for line in lines:
            try:
                self.session.edit(read(line.text))
            except UserError as error:
                self.fail(line, str(error))

    def _place(self) -> Place:
        stop, trace = self.stop, self.session.frame.trace
        names = list(trace.passes)
        name = stop.pass_name.text if stop.pass_name is not None else names[0]
        if stop.pass_name is not None and name not in names:
            self.fail(stop.pass_name, f"there is {', '.join(names)}", 0, nearest(name, names))
        passed = trace[name]
        t = self._t(stop.at, trace) if stop.at is not None else passed.tape_place(0)
        equation = len(passed.cell.values) - 1
        if stop.equation is not None:
            equation = self._equation(stop.equation, passed)
        place = Place(name, t, equation, self._unit(passed, trace, t))
        if stop.task is not None and stop.task.pass_name is not None and stop.task.pass_name.text not in names:
            self.fail(stop.task.pass_name, f"there is {', '.join(names)}", 0, nearest(stop.task.pass_name.text, names))
        if stop.task is not None and stop.task.equation is not None:
            self._equation(stop.task.equation, passed)
        return place

    def _t(self, at: At, trace: Trace) -> int:
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

    def _equation(self, text: Text, passed: PassTrace) -> int:
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


def is_of(kind: str, edit: Edit) -> bool:
    """Say whether an edit is of a kind such as `insert`, `set f` or `weight b_f`."""
    verb, _, name = kind.partition(" ")
    if verb == "any":
        return True
    if isinstance(edit, TokenEdit):
        return edit.verb == verb
    if isinstance(edit, CellEdit):
        return edit.verb == verb and name in ("", edit.what)
    if isinstance(edit, WeightEdit):
        return verb == "weight" and name in ("", edit.tensor.rpartition("/")[2])
    return isinstance(edit, ValueEdit) and edit.verb == verb and name in ("", edit.value)


def check(stop: Stop, open_network: Open) -> Standing:
    """Meet a stop with its network and read every word of it.

    Raises:
        LanguageError: Something means nothing, with line and column; a claim that is false is not a mistake here.
    """
    standing = Standing(stop, open_network)
    standing.say()
    standing.what_to_try()
    for _ in standing.false_claims():
        pass
    return standing


__all__ = ["Open", "Place", "Standing", "Try", "check", "is_of"]
