"""A stop of a lesson and its network: what it reads, where in the run it stands, what is said and tried there."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import NoReturn

from lstm_tui.debugger.commands.edit import read_typed
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.language import CellEdit, Edit, HeldEdit, PatchEdit, TokenEdit, ValueEdit, WeightEdit
from lstm_tui.debugger.expressions import ExpressionError, Scope, Series, evaluate
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest, no_pass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.runtime.answer import answered
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.lesson.lesson import MOST_TOKENS, LessonPlace, LessonStep, LessonText
from lstm_tui.lesson.templates import (
    Asked,
    Run,
    TextPiece,
    Wrong,
    asked,
    asked_between,
    filled_template,
    names_of,
    true,
)

Open = Callable[[str], Network]
"""From the name of a network in a lesson to the network; raises `UserError` where there is none."""


_CLASS = re.compile(r"""(?:output|result)\[["']([^"']+)["']\]""")
"""A class of the output by its name, as `output["he"]`."""
_SHARE = re.compile(r'share\((?:tok\[(\d+)\]|"([^"]*)")')
"""The token of a share, by its place or as a word: `share(tok[3])`, `share("not")`."""


@dataclass(frozen=True, eq=False)
class StepPlace:
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


class BoundStep:
    """One stop and its network; whatever of the stop means nothing there is said with its line and column."""

    def __init__(self, stop: LessonStep, open_network: Open) -> None:
        """Open the network and read the text.

        Raises:
            LanguageError: There is no such network, or it does not know a word.
        """
        self.stop = stop
        self.network = self._network(open_network)
        self.source = Source(self.network, (self._sequence(),), interpreter="numpy")

    def fail(self, text: LessonText, said: str, place: int = 0, near: str | None = None) -> NoReturn:
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
        return answered(Sequence(known.kind, words, ids, (), None, None, None), self.network)

    def place_in(self, trace: Trace) -> StepPlace:
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
        place = StepPlace(name, t, equation, self._unit(passed, trace, t))
        if stop.task is not None and stop.task.pass_name is not None and stop.task.pass_name.text not in names:
            self.fail(stop.task.pass_name, f"there is {', '.join(names)}", 0, nearest(stop.task.pass_name.text, names))
        if stop.task is not None and stop.task.equation is not None:
            self.equation_of(stop.task.equation, passed)
        return place

    def t_of(self, at: LessonPlace, trace: Trace) -> int:
        """Return the place on the tape that is meant.

        Raises:
            LanguageError: There is none.
        """
        tokens = trace.sequence.tokens
        where = LessonText("", at.where)
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

    def equation_of(self, text: LessonText, passed: PassTrace) -> int:
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
        units = passed[memory_of(passed.cell)].shape[1]
        if not whole or not 0 <= value < units:
            assert written is not None
            self.fail(written, f"`unit` is a number from 0 to {units - 1}, or chooses one with argmax(…)")
        return int(value)


class Standing:
    """One stop, and a session that stands there."""

    def __init__(self, stop: LessonStep, open_network: Open) -> None:
        """Run the text with its edits and go to the stop's place.

        Raises:
            LanguageError: Something of the stop means nothing here, with line and column.
        """
        self.stop, self.bound = stop, BoundStep(stop, open_network)
        self.session = Session.open(self.bound.source)
        self._edit(stop.edits)
        self.place = self.bound.place_in(self.session.frame.trace)
        self.begun = self.session.history.done
        self.session.select_pass(self.place.pass_name)
        self.session.goto(self.place.t)
        if stop.equation is not None:
            self.session.goto_equation(self.place.equation)

    # --- what is said ---

    def say(self) -> tuple[TextPiece, ...]:
        """Return the sentences of the stop, with the numbers of its own run."""
        return self._told(self.stop.say, self.session, self.place.t)

    def what_to_try(self) -> tuple[TextPiece, ...]:
        """Return what to try; empty when there is nothing."""
        task = self.stop.task
        return () if task is None else self._told(task.say, self.session, self.place.t)

    def then(self, session: Session) -> tuple[TextPiece, ...]:
        """Return what is said once it was tried, with the numbers of the run as it is then."""
        task = self.stop.task
        return () if task is None or task.then is None else self._told(task.then, session, session.frame.t)

    def spoken_of(self) -> tuple[str, ...]:
        """Return the classes of the output of which the stop speaks, by name, those of its first sentences first."""
        found = (one for text in self._texts() for one in _CLASS.findall(text.text))
        return tuple(dict.fromkeys(found))

    def shares_of(self) -> tuple[int, ...]:
        """Return the places on the tape of whose share of the memory the stop speaks."""
        tokens = [token.casefold() for token in self.session.frame.trace.sequence.tokens]
        found: list[int] = []
        for text in self._texts():
            for place, word in _SHARE.findall(text.text):
                if place and int(place) < len(tokens):
                    found.append(int(place))
                elif word.casefold() in tokens:
                    found.append(tokens.index(word.casefold()))
        return tuple(dict.fromkeys(found))

    def _texts(self) -> list[LessonText]:
        ask, task = self.stop.ask, self.stop.task
        texts = [self.stop.say]
        if ask is not None:
            texts += [ask.say, *ask.choices, *ask.why, *([ask.then] if ask.then is not None else [])]
        if task is not None and task.then is not None:
            texts.append(task.then)
        return texts

    def source(self) -> Source:
        """Return what the stop opens, with the edits in force there."""
        return replace(self.bound.source, edit_script=self.session.history.active)

    # --- asking before it is seen ---

    def question(self) -> tuple[TextPiece, ...]:
        """Return what is asked; empty when nothing is."""
        ask = self.stop.ask
        return () if ask is None else self._told(ask.say, self.session, self.place.t)

    def choices(self) -> tuple[tuple[TextPiece, ...], ...]:
        """Return what may be answered."""
        ask = self.stop.ask
        return () if ask is None else tuple(self._told(one, self.session, self.place.t) for one in ask.choices)

    def why(self, choice: int, session: Session) -> tuple[TextPiece, ...]:
        """Return why a choice, from 0, is right or wrong, with the numbers of the run as it is then."""
        ask = self.stop.ask
        return (
            ()
            if ask is None or not ask.why or not ask.why[choice].text
            else self._told(ask.why[choice], session, session.frame.t)
        )

    def seen(self, session: Session) -> tuple[TextPiece, ...]:
        """Return what is seen once the answer is shown, with the numbers of the run as it is then."""
        ask = self.stop.ask
        return () if ask is None or ask.then is None else self._told(ask.then, session, session.frame.t)

    def reveal(self) -> tuple[Callable[[Session], object], ...]:
        """Return what shows the answer, each to be done to a session."""
        ask = self.stop.ask
        return () if ask is None else tuple(self._doing(line) for line in ask.lines)

    # --- trying ---

    def noticed(self, session: Session, opened: Collection[str] = ()) -> bool:
        """Say whether what should be tried was done in a session that began at this stop.

        Args:
            session: The session.
            opened: What was opened on its screen since.
        """
        task, position = self.stop.task, session.frame.position
        if task is None or session.frame.trace.network is None:
            return False
        if task.edit and not any(is_of(task.edit, one) for one in session.history.active[self.begun :]):
            return False
        if task.opens and task.opens not in opened:
            return False
        if task.pass_name is not None and position.pass_name != task.pass_name.text:
            return False
        try:
            if task.equation is not None and position.equation != self.bound.equation_of(
                task.equation, session.frame.passed
            ):
                return False
            if task.at is not None and position.t != self.bound.t_of(task.at, session.frame.trace):
                return False
            return task.done is None or self.true(task.done.text, session, position.t)
        except UserError:  # a token or an equation that was edited away
            return False

    def doings(self) -> tuple[Callable[[Session], object], ...]:
        """Return what the lines of the try do, each to be done to a session."""
        task = self.stop.task
        return () if task is None else tuple(self._doing(line) for line in task.lines)

    def _doing(self, line: LessonText) -> Callable[[Session], object]:
        text = line.text.strip()
        verb, _, rest = text.partition(" ")
        try:
            if verb == "goto":
                number = whole_number(rest.strip())
                at = LessonPlace(rest.strip().strip('"') if number is None else number, 1, line.where)
                return lambda session: session.goto(self.bound.t_of(at, session.frame.trace))
            if verb == "pass":
                name = rest.strip()
                if name not in self.session.frame.trace:
                    raise no_pass(name, self.session.frame.trace)
                return lambda session: session.select_pass(name)
            if verb == "equation":
                value = LessonText(rest.strip(), line.where)
                return lambda session: session.goto_equation(self.bound.equation_of(value, session.frame.passed))
            edit = read_typed(self.session, verb, rest, names_of(self.place.unit))
        except UserError as error:
            self._fail(line, error)
        return lambda session: session.edit(edit)

    # --- numbers ---

    def answer(self, inside: str, session: Session | None = None) -> tuple[Asked, Series]:
        """Return what stands between two braces of a sentence, or alone, as it was read, and what it is.

        Args:
            inside: What stands there.
            session: A session that began at the stop and is asked where it stands; the stop's own when None.

        Raises:
            ExpressionError: It means nothing here.
        """
        run, before = self._runs(session or self.session, self.place.t if session is None else session.frame.t)
        question = asked_between(inside, self.place.unit)
        return question, (before if question.before else run).answer(question.expression)

    def _told(self, text: LessonText, session: Session, t: int) -> tuple[TextPiece, ...]:
        try:
            return tuple(filled_template(text.text, self.place.unit, *self._runs(session, t)))
        except Wrong as error:
            self.bound.fail(text, error.said, error.place)

    def true(self, text: str, session: Session, t: int) -> bool:
        """Say whether a condition holds in a session at a place.

        Raises:
            ExpressionError: It is no condition.
        """
        return true(text, self.place.unit, *self._runs(session, t))

    def _runs(self, session: Session, t: int) -> tuple[Run, Run]:
        """Return a place in the run, and the same token in the run without edits."""
        frame, name = session.frame, self.place.pass_name
        run = Run(Scope(frame.trace, name), t)
        if frame.difference is None:
            return run, run
        origin = frame.origin(t)
        return run, Run(Scope(frame.difference.before, name), t if origin is None else origin)

    def _edit(self, lines: Iterable[LessonText]) -> None:
        for line in lines:
            try:
                self.session.edit(parse_edit(line.text))
            except UserError as error:
                self._fail(line, error)

    def _fail(self, line: LessonText, error: UserError) -> NoReturn:
        """Say what is wrong in a line that is done, at its character where that is known."""
        begin = line.text.find(error.text) if isinstance(error, ExpressionError) else -1
        if isinstance(error, ExpressionError) and begin >= 0:
            self.bound.fail(line, error.said, begin + error.start)
        self.bound.fail(line, str(error))


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
    does = "patch" if isinstance(edit, PatchEdit) else edit.verb if isinstance(edit, ValueEdit) else ""
    return isinstance(edit, HeldEdit) and does == verb and name in ("", edit.value)
