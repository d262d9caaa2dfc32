"""What an editor asks of an open session, request by request.

The passes of the run are the threads. The frame of one is its place on the cell's page of equations, and under it
its token in the text. Stepping over takes an equation, stepping in an op, stepping out the rest of the token; each of
them, and continuing, has a way back. As on the screen, the marked line is the one whose value was computed last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lstm_tui.dap.pages import Pages, SourcePage, Text
from lstm_tui.dap.stops import EditorStops, whole
from lstm_tui.dap.variables import Variable, Variables, as_body
from lstm_tui.debugger.breakpoints.parse import read_change
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.commands.dispatch import completions
from lstm_tui.debugger.commands.table import VERBS, split
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.position import Frame, Granularity
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

Arguments = Mapping[str, Any]
Body = Mapping[str, Any]
_LEVELS = 2
"""Frames of a thread: the equation, and the token under it."""
_MOST_TARGETS = 200


class Requests:
    """The requests that need a session.

    Attributes:
        session: What they are about.
        next: Takes the run elsewhere once the request is answered, and returns why it stopped there; None to stay.
    """

    def __init__(
        self, session: Session, pages: Pages, is_stopped: Callable[[], bool], say: Callable[[str], None]
    ) -> None:
        """Answer for a session.

        Args:
            session: It.
            pages: What can be opened as source.
            is_stopped: Says whether the editor wants a run that goes on to stop.
            say: Prints in the editor's console.
        """
        self.session = session
        self.next: Callable[[], str] | None = None
        self._pages, self._is_stopped, self._say = pages, is_stopped, say
        self._stops, self._variables = EditorStops(session, pages), Variables(session)
        self._console = Console(session)
        self._targets: list[Callable[[], Frame]] = []

    def answer(self, command: str, arguments: Arguments) -> Body | None:
        """Answer a request.

        Raises:
            UserError: It cannot be done; the session is as it was.
            Leave: It asks to leave.
        """
        self.next = None
        if command not in _TABLE:
            raise UserError(f"there is no request {visible(command[:40])} here")
        return _TABLE[command](self, arguments)

    def forget(self) -> None:
        """Forget the numbers of variables and places: the run has moved."""
        self._variables.forget()
        self._targets.clear()

    @property
    def thread(self) -> int:
        """The number of the selected pass, from 1."""
        return self._passes.index(self.session.frame.position.pass_name) + 1

    @property
    def hit(self) -> list[int]:
        """The numbers of the breakpoints that stopped it."""
        return [one.number for one in self.session.stop.by] if self.session.stop is not None else []

    @property
    def _passes(self) -> list[str]:
        return list(self.session.frame.trace.passes)

    def _pass(self, thread: int) -> str:
        if not 1 <= thread <= len(self._passes):
            raise UserError(f"there is no thread {thread}: a thread is a pass, and there are {len(self._passes)}")
        return self._passes[thread - 1]

    # --- where it stands ---

    def _threads(self, arguments: Arguments) -> Body:
        return {"threads": [{"id": n, "name": visible(name)} for n, name in enumerate(self._passes, 1)]}

    def _stack_trace(self, arguments: Arguments) -> Body:
        frames = list(self._frames(whole(arguments.get("threadId"))))
        start, count = whole(arguments.get("startFrame")), whole(arguments.get("levels"))
        return {"stackFrames": frames[start : start + count if count else None], "totalFrames": len(frames)}

    def _frames(self, thread: int) -> Iterator[Body]:
        name, frame, base = self._pass(thread), self.session.frame, (thread - 1) * _LEVELS
        selected = name == frame.position.pass_name
        number, page = self._pages.of_pass(name)
        equation = frame.position.equation if selected else len(page.lines) - 1
        told = page.equations[equation] if equation >= 0 else "before the first equation"
        if selected and frame.position.op is not None:
            told += f"   (op {frame.position.op + 1} of {len(frame.ops)})"
        source, line = self._pages.source_of(number, page), page.lines[max(equation, 0)]
        yield {"id": base + 1, "name": visible(told), "source": source, "line": line, "column": 1}
        token = {"id": base + 2, "name": f"t={frame.t} “{visible(frame.token)}”"}
        text = self._pages.text
        places = () if text is None else text.places(frame.trace.sequence)
        if text is None or not places:
            yield {**token, "line": 0, "column": 0}
            return
        line, column = text.line_and_column(places[frame.t])
        yield {**token, "source": self._pages.text_source(), "line": line, "column": column}

    def _scopes(self, arguments: Arguments) -> Body:
        name = self._pass((whole(arguments.get("frameId")) - 1) // _LEVELS + 1)
        return {
            "scopes": [
                {
                    "name": one.name, "expensive": one.expensive, **self._variables.reference(one.inside),
                    **({"presentationHint": one.hint} if one.hint else {}),
                }
                for one in self._variables.scopes(name)
            ]
        }  # fmt: skip

    def _list_variables(self, arguments: Arguments) -> Body:
        number, start, count = (whole(arguments.get(key)) for key in ("variablesReference", "start", "count"))
        found = self._variables.unfolded(number, start, count)
        return {"variables": [as_body(self._variables, one) for one in found]}

    def _source(self, arguments: Arguments) -> Body:
        asked = arguments.get("source")
        number = whole(asked.get("sourceReference")) if isinstance(asked, dict) else 0
        text = self._pages.content(number or whole(arguments.get("sourceReference")))
        if text is None:
            raise UserError("there is no such page")
        return {"content": text, "mimeType": "text/x-toml"}

    def _loaded_sources(self, arguments: Arguments) -> Body:
        pages = [self._pages.source_of(number, page) for number, page in self._pages.pages().items()]
        text = self._pages.text_source()
        return {"sources": [*pages, *([text] if text else [])]}

    def _exception_info(self, arguments: Arguments) -> Body:
        note = self.session.frame.note or "the run did not stop at a NaN or infinite number"
        return {"exceptionId": "nan", "description": visible(note), "breakMode": "always"}

    # --- what is asked and changed ---

    def _evaluate(self, arguments: Arguments) -> Body:
        text = str(arguments.get("expression") or "").strip()
        if arguments.get("context") == "repl" and not self._is_question(text):
            reply = [visible(line) for one in text.split("\n") for line in self._console.execute(one)]
            return {"result": "\n".join(reply), "variablesReference": 0}
        found = self._variables.evaluated(text)
        return {"result": found.value, **self._variables.reference(found.inside)}

    def _is_question(self, text: str) -> bool:
        """Say whether a line begins with no verb, and is an expression."""
        if not text:
            return False
        try:
            VERBS.named(split(text)[0])
        except UserError:
            try:
                self.session.evaluate(text)
            except ExpressionError:
                return False
            return True
        return False

    def _set_variable(self, arguments: Arguments) -> Body:
        found = self._variables.find(whole(arguments.get("variablesReference")), str(arguments.get("name")))
        return {"value": self._variables.set(found, str(arguments.get("value")))}

    def _set_expression(self, arguments: Arguments) -> Body:
        text = str(arguments.get("expression")).strip()
        return {
            "value": self._variables.set(Variable(text, "", None, text, f"set {text}"), str(arguments.get("value")))
        }

    def _completions(self, arguments: Arguments) -> Body:
        line = str(arguments.get("text") or "")[: max(whole(arguments.get("column"), 1) - 1, 0)]
        found = completions(self.session, line)
        return {"targets": [{"label": one.strip(), "text": one, "start": 0, "length": len(line)} for one in found]}

    # --- where it stops ---

    def _set_breakpoints(self, arguments: Arguments) -> Body:
        source = arguments.get("source")
        asked = _listed(arguments, "breakpoints")
        return {"breakpoints": self._stops.set_lines(source if isinstance(source, dict) else {}, asked)}

    def _set_function_breakpoints(self, arguments: Arguments) -> Body:
        return {"breakpoints": self._stops.set_functions(_listed(arguments, "breakpoints"))}

    def _set_data_breakpoints(self, arguments: Arguments) -> Body:
        return {"breakpoints": self._stops.set_data(_listed(arguments, "breakpoints"))}

    def _set_exception_breakpoints(self, arguments: Arguments) -> Body:
        filters = arguments.get("filters")
        return {"breakpoints": self._stops.set_exceptions(filters if isinstance(filters, list) else [])}

    def _data_breakpoint_info(self, arguments: Arguments) -> Body:
        text, number = str(arguments.get("name")), whole(arguments.get("variablesReference"))
        try:
            text = self._variables.find(number, text).expression if number else text
            read_change(text, self.session.scope())
        except UserError as error:
            return {"dataId": None, "description": str(error)}
        return {"dataId": text, "description": f"where {visible(text)} changes", "accessTypes": ["write"]}

    def _breakpoint_locations(self, arguments: Arguments) -> Body:
        source, first = arguments.get("source"), whole(arguments.get("line"))
        page = self._pages.named(source) if isinstance(source, dict) else None
        last = whole(arguments.get("endLine"), first)
        if isinstance(page, SourcePage):
            return {"breakpoints": [{"line": line} for line in page.lines if first <= line <= last]}
        return {
            "breakpoints": [{"line": line, "column": column} for _, line, column in self._on_lines(page, first, last)]
        }

    def _on_lines(self, text: Text | None, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """Yield place on the tape, line and column of the tokens that begin on some lines."""
        if text is None:
            return
        sequence = self.session.frame.trace.sequence
        places = text.places(sequence)
        for line in range(first, min(last, first + _MOST_TARGETS) + 1):
            for t in text.tokens_on(sequence, line):
                yield t, *text.line_and_column(places[t])

    # --- how it moves ---

    def _go_targets(self, arguments: Arguments) -> Body:
        source, line = arguments.get("source"), whole(arguments.get("line"))
        page = self._pages.named(source) if isinstance(source, dict) else None
        if isinstance(page, SourcePage):
            return {"targets": self._equations_at(page, line)}
        column = whole(arguments.get("column"), 1)
        there = [place for place in self._on_lines(page, line, line) if place[2] >= column][:_MOST_TARGETS]
        tokens = self.session.frame.trace.sequence.tokens
        found: list[Body] = [
            {
                "id": self._target(self.session.goto, t),
                "label": f"t={t} “{visible(tokens[t])}”",
                "line": line,
                "column": at,
            }
            for t, line, at in there
        ]
        if page is not None and not found and line in self.session.source.line_numbers:
            other = self._target(self.session.open_line, self.session.source.line_numbers.index(line))
            found.append({"id": other, "label": f"read line {line} of the text instead", "line": line})
        return {"targets": found}

    def _equations_at(self, page: SourcePage, line: int) -> list[Body]:
        equation = page.equation_at(line)
        if equation is None:
            return []
        go = self._target(self.session.goto_equation, equation)
        return [{"id": go, "label": visible(page.equations[equation]), "line": page.lines[equation]}]

    def _target(self, go: Callable[[int], Frame], place: int) -> int:
        """Return the number of a place, by which the editor has the run go there."""
        self._targets.append(partial(go, place))
        return len(self._targets)

    def _goto(self, arguments: Arguments) -> None:
        number = whole(arguments.get("targetId"))
        if not 1 <= number <= len(self._targets):
            raise UserError("the run has moved on since: ask for the places again")
        go = self._targets[number - 1]
        self._select(arguments)
        self._then("goto", go)

    def _next(self, arguments: Arguments) -> None:
        self._select(arguments)
        self._then("step", partial(self.session.step_in, _granularity(arguments)))

    def _step_in(self, arguments: Arguments) -> None:
        self._select(arguments)
        self._then("step", lambda: self.session.step_in("op"))

    def _step_out(self, arguments: Arguments) -> None:
        self._select(arguments)
        frame = self.session.frame
        finished = frame.position.equation == len(frame.equations) - 1 and frame.position.op is None
        self._then("step", lambda: self.session.step_in("token") if finished else self.session.step_out())

    def _step_back(self, arguments: Arguments) -> None:
        self._select(arguments)
        self._then("step", partial(self.session.step_back, _granularity(arguments)))

    def _continue(self, arguments: Arguments) -> Body:
        self._select(arguments)
        self.next = lambda: self.go_on(True)
        return {"allThreadsContinued": True}

    def _reverse_continue(self, arguments: Arguments) -> None:
        self._select(arguments)
        self.next = lambda: self.go_on(False)

    def _restart(self, arguments: Arguments) -> None:
        self._then("entry", self.to_start)

    def _pause(self, arguments: Arguments) -> None:
        self._then("pause", lambda: self.session.frame)

    def to_start(self) -> Frame:
        """Stand before the first equation of the selected pass."""
        self.session.goto(self.session.frame.passed.tape_place(0))
        return self.session.step_out_back()

    def go_on(self, forward: bool) -> str:
        """Go on to the next stop or the end, and return why it stopped; what only prints does so on the way."""
        self._stops.bind()
        while True:
            before = self.session.frame.position
            self.session.continue_(forward, cancelled=self._is_stopped)
            stop = self.session.stop
            assert stop is not None, "it has gone on"
            for line in (*stop.logged, *stop.said):
                self._say(line)
            printed = self._stops.printed(stop.by)
            if printed is None or self.session.frame.position == before:
                return "pause" if stop.interrupted else self._stops.reason(stop.by) if stop.by else "end"
            for line in printed:
                self._say(line)

    def _select(self, arguments: Arguments) -> None:
        name = self._pass(whole(arguments.get("threadId"), self.thread))
        if name != self.session.frame.position.pass_name:
            self.session.select_pass(name)

    def _then(self, why: str, go: Callable[[], Frame]) -> None:
        def moved() -> str:
            frame = go()
            return "end" if frame.note.endswith("of the pass") else why

        self.next = moved


def _granularity(arguments: Arguments) -> Granularity:
    return "op" if arguments.get("granularity") == "instruction" else "equation"


def _listed(arguments: Arguments, key: str) -> list[Arguments]:
    found = arguments.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


_TABLE: dict[str, Callable[[Requests, Arguments], Body | None]] = {
    "threads": Requests._threads,
    "stackTrace": Requests._stack_trace,
    "scopes": Requests._scopes,
    "variables": Requests._list_variables,
    "source": Requests._source,
    "loadedSources": Requests._loaded_sources,
    "exceptionInfo": Requests._exception_info,
    "evaluate": Requests._evaluate,
    "setVariable": Requests._set_variable,
    "setExpression": Requests._set_expression,
    "completions": Requests._completions,
    "setBreakpoints": Requests._set_breakpoints,
    "setFunctionBreakpoints": Requests._set_function_breakpoints,
    "setDataBreakpoints": Requests._set_data_breakpoints,
    "setExceptionBreakpoints": Requests._set_exception_breakpoints,
    "dataBreakpointInfo": Requests._data_breakpoint_info,
    "breakpointLocations": Requests._breakpoint_locations,
    "gotoTargets": Requests._go_targets,
    "goto": Requests._goto,
    "next": Requests._next,
    "stepIn": Requests._step_in,
    "stepOut": Requests._step_out,
    "stepBack": Requests._step_back,
    "continue": Requests._continue,
    "reverseContinue": Requests._reverse_continue,
    "restart": Requests._restart,
    "pause": Requests._pause,
}
"""What answers each request, by its name in the protocol."""
