"""A run that stands at a stop of a lesson, what is said there, and whether what should be tried was done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from lstm_tui.debugger.expressions import Scope
from lstm_tui.debugger.lessons.asking import Piece, Run, Wrong, told, true, with_unit
from lstm_tui.debugger.lessons.lesson import At, Stop, Text
from lstm_tui.debugger.lessons.meeting import Meeting, Open
from lstm_tui.debugger.recipe import CellEdit, Edit, TokenEdit, ValueEdit, WeightEdit, parse_edit
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.short_forms import whole_line
from lstm_tui.engine.errors import UserError


class Standing(Meeting):
    """One stop, and a session that stands there."""

    def __init__(self, stop: Stop, open_network: Open) -> None:
        """Run the text with its edits and go to the stop's place.

        Raises:
            LanguageError: Something of the stop means nothing here, with line and column.
        """
        super().__init__(stop, open_network)
        self.session = Session.open(self.network, [self.sequence])
        self._edit(stop.edits)
        self.place = self.place_in(self.session.frame.trace)
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
            if task.equation is not None and position.equation != self.equation_of(task.equation, session.frame.passed):
                return False
            if task.at is not None and position.t != self.t_of(task.at, session.frame.trace):
                return False
            return task.done is None or self.true(task.done.text, session, position.t)
        except UserError:  # a token or an equation that was edited away
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
                return lambda session: session.goto(self.t_of(at, session.frame.trace))
            if verb == "pass":
                name = rest.strip()
                if name not in self.session.frame.trace:
                    raise UserError(f"there is no pass {name}: there is {', '.join(self.session.frame.trace)}")
                return lambda session: session.select_pass(name)
            if verb == "equation":
                value = Text(rest.strip(), line.where)
                return lambda session: session.goto_equation(self.equation_of(value, session.frame.passed))
            edit = parse_edit(whole_line(self.session, verb, rest))
        except UserError as error:
            self.fail(line, str(error))
        return lambda session: session.edit(edit)

    # --- asking ---

    def _told(self, text: Text, session: Session, t: int) -> tuple[Piece, ...]:
        try:
            return tuple(told(text.text, self.place.unit, *self._runs(session, t)))
        except Wrong as error:
            self.fail(text, error.said, error.place)

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

    def _edit(self, lines: Iterable[Text]) -> None:
        for line in lines:
            try:
                self.session.edit(parse_edit(line.text))
            except UserError as error:
                self.fail(line, str(error))


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
