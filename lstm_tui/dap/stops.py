"""Where an editor has the run stop: lines, functions (whatever `break` takes), data and exceptions (NaN)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace
from typing import Any, Literal

from lstm_tui.dap.pages import Pages, SourcePage, Text
from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint
from lstm_tui.debugger.breakpoints.conditions import After, Birth, Guarded, Trigger
from lstm_tui.debugger.breakpoints.parse import guarded, read_change, read_trigger
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

Kind = Literal["breakpoint", "function breakpoint", "data breakpoint", "exception"]
"""What the protocol calls the reason of a stop."""
NAN = "nan"
"""The one filter of exceptions."""
FILTERS = [{"filter": NAN, "label": "NaN and ∞", "description": "Stop at the first NaN or infinite number"}]
_HITS = re.compile(r"\s*(>=|==|=|>)?\s*(\d{1,9})\s*\Z", re.ASCII)


@dataclass(frozen=True)
class _Wanted:
    """What an editor has the run stop at.

    Attributes:
        kind: What the protocol calls it.
        trigger: What it waits for.
        where: The place it really has, for the editor.
        passes: The passes of the page that its line is on; none for any other.
        log: What is printed instead of stopping; None to stop.
    """

    kind: Kind
    trigger: Trigger
    where: Mapping[str, Any] = field(default_factory=dict)
    passes: tuple[str, ...] = ()
    log: str | None = None


class EditorStops:
    """The breakpoints that an editor has set; those typed in its console stand beside them."""

    def __init__(self, session: Session, pages: Pages) -> None:
        """Begin without any."""
        self._session, self._pages = session, pages
        self._wanted: dict[int, _Wanted] = {}
        self._groups: dict[str, list[int]] = {}

    def set_lines(self, source: Mapping[str, Any], asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Have the run stop at lines of a source and at no others of it; return what became of each."""
        page = self._pages.named(source)
        group = f"{source.get('path')}:{source.get('sourceReference')}"
        return self._put(group, asked, lambda one: self._on_line(page, one))

    def set_functions(self, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Have the run stop at whatever `break` takes: tokens, places, equations, conditions."""
        scope = self._session.scope()
        return self._put(
            "functions",
            asked,
            lambda one: _Wanted("function breakpoint", read_trigger(_where(one), scope)),
        )

    def set_data(self, asked: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Have the run stop where values change."""
        scope = self._session.scope()
        return self._put(
            "data", asked, lambda one: _Wanted("data breakpoint", read_change(str(one.get("dataId")), scope))
        )

    def set_exceptions(self, filters: Sequence[Any]) -> list[dict[str, Any]]:
        """Have the run stop where a number is no number any more, or not."""
        return self._put("exceptions", [{"filter": one} for one in filters], _exception)

    def bind(self) -> None:
        """Have lines of a page belong to the selected pass, where that runs the page."""
        name, breakpoints = self._session.frame.position.pass_name, self._session.breakpoints
        for held in breakpoints:
            if held.number in self._wanted and name in self._wanted[held.number].passes:
                breakpoints.change(held.number, _in_pass(held.trigger, name), name)

    def reason(self, by: Sequence[Breakpoint]) -> Kind:
        """Return why the run stopped."""
        known = [self._wanted[one.number].kind for one in by if one.number in self._wanted]
        return known[0] if known else "data breakpoint" if by[0].word == "watch" else "breakpoint"

    def printed(self, by: Sequence[Breakpoint]) -> list[str] | None:
        """Return what is printed where all that stopped the run only prints; else None."""
        texts = [self._wanted[one.number].log if one.number in self._wanted else None for one in by]
        if not texts or None in texts:
            return None
        return [self._session.stops.filled(text) for text in texts if text is not None]

    def _on_line(self, page: SourcePage | Text | None, asked: Mapping[str, Any]) -> _Wanted:
        """Return what a line of a source waits for, and where that is.

        Raises:
            UserError: Nothing that runs stands there.
        """
        frame, line = self._session.frame, whole(asked.get("line"))
        if page is None:
            raise UserError("this is no page of a cell that runs, and not the text that is read")
        if isinstance(page, Text):
            here = page.tokens_on(frame.trace.sequence, line, whole(asked.get("column"), 1))
            if not here:
                raise UserError("no token of the sequence that is read begins here")
            line, column = page.line_and_column(page.places(frame.trace.sequence)[here[0]])
            trigger = read_trigger(str(here[0]), self._session.scope())
            return _Wanted("breakpoint", trigger, {"line": line, "column": column})
        equation = page.equation_at(line)
        if equation is None:
            raise UserError("no equation stands here or below")
        name = frame.position.pass_name if frame.position.pass_name in page.passes else page.passes[0]
        value = frame.trace[name].cell.values[equation]
        return _Wanted("breakpoint", After(value, name, value), {"line": page.lines[equation]}, page.passes)

    def _put(
        self, group: str, asked: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], _Wanted]
    ) -> list[dict[str, Any]]:
        """Put stops in the place of those that a group had; one that means nothing takes no other along."""
        for number in self._groups.pop(group, []):
            self._wanted.pop(number, None)
            with suppress(UserError):  # it was deleted in the console
                self._session.breakpoints.delete(number)
        return [self._added(group, one, read) for one in asked]

    def _added(
        self, group: str, asked: Mapping[str, Any], read: Callable[[Mapping[str, Any]], _Wanted]
    ) -> dict[str, Any]:
        try:
            wanted = read(asked)
            name = wanted.trigger.stops_in(self._session.frame.position.pass_name)
            condition = str(asked.get("condition") or "").strip()
            scope = self._session.scope(name)
            trigger = guarded(wanted.trigger, condition, scope) if condition else wanted.trigger
            over = _passed_over(asked.get("hitCondition"))
            made = self._session.breakpoints.add(trigger, name)
        except UserError as error:
            return {"verified": False, "message": str(error)}
        if over:
            self._session.breakpoints.ignore(made.number, over)
        log = asked.get("logMessage")
        self._wanted[made.number] = replace(wanted, log=str(log) if log else None)
        self._groups.setdefault(group, []).append(made.number)
        return {"id": made.number, "verified": True, "message": visible(trigger.text), **wanted.where}


def whole(value: Any, default: int = 0) -> int:
    """Return a whole number as an editor gives it."""
    return value if type(value) is int else default


def _exception(asked: Mapping[str, Any]) -> _Wanted:
    if asked["filter"] != NAN:
        raise UserError(f"there is one filter, {NAN}")
    return _Wanted("exception", Birth(NAN))


def _in_pass(trigger: Trigger, name: str) -> Trigger:
    """Return what a line waits for, in another pass of the same page."""
    if isinstance(trigger, Guarded):
        return replace(trigger, of=_in_pass(trigger.of, name))
    return replace(trigger, pass_name=name) if isinstance(trigger, After) else trigger


def _passed_over(text: Any) -> int:
    """Return how many hits are passed over for a hit condition: `3`, `>= 3`, `> 2`.

    Raises:
        UserError: It is none.
    """
    if not text:
        return 0
    match = _HITS.match(str(text))
    count = whole_number(match[2]) if match else None
    if match is None or count is None:
        raise UserError(f"`{visible(str(text)[:40])}` is no hit condition: give a number such as 3")
    return count if match[1] == ">" else max(count - 1, 0)


def _where(function: Mapping[str, Any]) -> str:
    """Return where a function breakpoint stops: what `break` takes, with or without the verb."""
    return str(function.get("name")).removeprefix("break ")
