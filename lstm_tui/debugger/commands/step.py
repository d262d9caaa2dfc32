"""Verbs that step, go on and go back: gdb's words and pdb's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lstm_tui.debugger.breakpoints.parse import read_trigger
from lstm_tui.debugger.commands.breakpoints import complete_where, place_or
from lstm_tui.debugger.commands.goto import place_of, position_lines
from lstm_tui.debugger.commands.table import VERBS, Verb
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError, no_pass
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

_MOST = 1_000_000
_AROUND = 8  # tokens on either side of a listing
_MOST_LISTED = 200


def count_of(text: str) -> int:
    """Return how often a verb is to be repeated; once when nothing is said.

    Raises:
        UserError: It is no whole number from 1.
    """
    if not text:
        return 1
    count = whole_number(text, 1, _MOST)
    if count is None:
        raise UserError(f"`{visible(text[:40])}` is not how often: give a whole number from 1")
    return count


def went_on(session: Session, logged: tuple[str, ...] | None = None) -> tuple[str, ...]:
    """Return what is said of a run that went on: what was printed on the way, where it stands, what commands print.

    Args:
        session: It stands where it stopped.
        logged: What was printed on the way; by default what the last stop knows of it.
    """
    stop = session.stop
    if stop is None:
        return position_lines(session.frame)
    logged = stop.logged if logged is None else logged
    return (*logged, *(() if stop.silent else position_lines(session.frame)), *stop.said)


def _repeated(step: Callable[[Session], Frame]) -> Callable[[Session, str], tuple[str, ...]]:
    def act(session: Session, rest: str) -> tuple[str, ...]:
        logged: tuple[str, ...] = ()
        said: tuple[str, ...] = ()
        has_gone_on = False
        for _ in range(count_of(rest)):
            before, stop = session.frame.position, session.stop
            step(session)
            if session.stop is not stop and session.stop is not None:
                if has_gone_on:
                    logged = (*logged, *said)
                has_gone_on, said = True, session.stop.said
                logged = (*logged, *session.stop.logged)
            if session.frame.position == before:
                break
        return went_on(session, logged) if has_gone_on else position_lines(session.frame)

    return act


def _finish(session: Session) -> Frame:
    before = session.frame.position
    frame = session.step_out()
    if frame.position == before and not frame.note:
        session.cursor.say("this token is finished already: `next` computes the one to the right, `run` begins anew")
    return session.frame


for _name, _aliases, _help, _step in (
    ("next", ("n",), "compute the next token to the right", lambda session: session.next()),
    ("reverse-next", ("rn", "previous"), "go back to the token to the left", lambda session: session.next(-1)),
    ("step", ("s",), "compute the next equation, in the pass's reading order", lambda session: session.step_in()),
    ("reverse-step", ("rs",), "go back one equation", lambda session: session.step_back()),
    ("stepi", ("si", "nexti", "ni"), "compute the next op inside an equation", lambda session: session.step_in("op")),
    ("reverse-stepi", ("rsi", "reverse-nexti", "rni"), "go back one op", lambda session: session.step_back("op")),
    ("finish", ("fin", "return", "r"), "finish this token", _finish),
    ("reverse-finish", (), "go back to where this token began", lambda session: session.step_out_back()),
    ("continue", ("c", "cont", "fg"), "continue to the next breakpoint", lambda session: session.continue_()),
    ("reverse-continue", ("rc", "C"), "continue backwards to a breakpoint", lambda session: session.reverse_continue()),
):  # fmt: skip
    VERBS.add(Verb(_name, f"{_name} [N]", _help, _repeated(_step), _aliases, example=_name, takes_numbers=True))


@VERBS.verb(
    "until [WHERE]", "continue once to a place, token, equation or condition; without WHERE, compute the next token",
    aliases=("unt", "advance"),
    complete=complete_where, example='until mean(f) < .5',
)  # fmt: skip
def _until(session: Session, rest: str) -> tuple[str, ...]:
    if not rest:
        session.step_in("token")
    else:
        _go_until(session, rest)
    return went_on(session) if rest else position_lines(session.frame)


@VERBS.verb(
    "reverse-until WHERE", "continue backwards to a place, token, equation or condition", complete=complete_where,
    example="reverse-until 0",
)  # fmt: skip
def _reverse_until(session: Session, rest: str) -> tuple[str, ...]:
    _go_until(session, rest, forward=False)
    return went_on(session)


def _go_until(session: Session, rest: str, forward: bool = True) -> None:
    trigger = read_trigger(place_or(session, rest), session.scope())
    session.until(trigger, forward)
    stop = session.stop
    if stop is not None and not stop.by and not stop.interrupted:
        session.cursor.say(f"{session.frame.note}: {visible(trigger.text)} did not come")


@VERBS.verb("start", "go back to the start of the pass, before its first equation", aliases=("starti",))
def _start(session: Session, rest: str) -> tuple[str, ...]:
    session.goto(session.frame.passed.tape_place(0))
    session.step_out_back()
    return position_lines(session.frame)


@VERBS.verb("run", "run from the start of the pass to the first breakpoint", aliases=("restart",))
def _run(session: Session, rest: str) -> tuple[str, ...]:
    _start(session, "")
    session.continue_()
    return went_on(session)


def _passes(session: Session, rest: str) -> Iterator[str]:
    return (name for name in session.frame.trace if name.startswith(rest))


@VERBS.verb(
    "pass [NAME|N]",
    "select a pass by name or number from 1, or the next one",
    complete=_passes,
    example="pass",
)
def _pass(session: Session, rest: str) -> tuple[str, ...]:
    names = tuple(session.frame.trace)
    number = whole_number(rest, 1, len(names))
    if number is not None:
        rest = names[number - 1]
    if rest and rest not in session.frame.trace:
        raise no_pass(rest, session.frame.trace)
    session.select_pass(rest or 1)
    return position_lines(session.frame)


@VERBS.verb(
    "thread [NAME|N]", "say which pass is selected, as gdb's thread; with a name or number, select that one",
    complete=_passes, example="thread",
)  # fmt: skip
def _thread(session: Session, rest: str) -> tuple[str, ...]:
    return tuple(_pass(session, rest)) if rest else position_lines(session.frame)


@VERBS.verb(
    "line N [own]",
    "open another line of the file, from 1, with the network as edited; own: with that line's own edits only",
    example="line 1",
    takes_numbers=True,
)
def _line(session: Session, rest: str) -> tuple[str, ...]:
    number, _, own = rest.partition(" ")
    wanted = whole_number(number, 1, session.frame.lines)
    if wanted is None or own.strip() not in ("", "own"):
        raise UserError(f"which line? there are {session.frame.lines} that hold something, from 1")
    session.open_line(wanted - 1, own=bool(own))
    return position_lines(session.frame)


@VERBS.verb("where", "say where the run stands", aliases=("bt", "frame", "f", "backtrace", "w"))
def _where(session: Session, rest: str) -> tuple[str, ...]:
    return position_lines(session.frame)


@VERBS.verb(
    "list [T|A,B]", "list the tokens around this place, around T, or from A to B, and the equations",
    aliases=("l", "ll", "longlist"), example="list", takes_numbers=True,
)  # fmt: skip
def _list(session: Session, rest: str) -> tuple[str, ...]:
    frame = session.frame
    tokens = frame.trace.sequence.tokens
    places = [place_of(session, one.strip()) for one in rest.split(",")] if rest else [frame.t]
    if len(places) > 2 or places[0] > places[-1]:
        raise UserError("list from where to where? such as: list 3, or list 0,20")
    around = _AROUND if len(places) == 1 else 0
    first, behind = max(places[0] - around, 0), min(places[-1] + around + 1, frame.steps)
    behind = min(behind, first + _MOST_LISTED)
    shown = (f"[{visible(tokens[t])}]" if t == frame.t else visible(tokens[t]) for t in range(first, behind))
    tape = f"from t={first}: {'… ' * (first > 0)}{' '.join(shown)}{' …' * (behind < frame.steps)}"
    equations = (
        f"{'→' if n == frame.position.equation else ' '} {visible(equation.text)}"
        for n, equation in enumerate(frame.equations)
    )
    return (tape, *equations)
