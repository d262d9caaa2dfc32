"""What pytest gets from lstm-tui: a fixture that opens sessions, and failures that show where a session stood."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lstm_tui.debugger.commands.console import TypedSession

_PACKAGE = Path(__file__).parents[1]
_KEPT = pytest.StashKey[list["TypedSession"]]()


@pytest.fixture
def open_session(request: pytest.FixtureRequest) -> Callable[..., TypedSession]:
    """Return what opens a debugger, as `lstm_tui.session` does; a test that fails shows where each session stood."""
    import lstm_tui

    opened = request.node.stash.setdefault(_KEPT, [])

    def opening(*args: Any, **options: Any) -> TypedSession:
        session = lstm_tui.session(*args, **options)
        opened.append(session)
        return session

    return opening


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failed test where its sessions stand, with their edits and the verbs that lead there again."""
    if call.excinfo is not None:
        _cut(call.excinfo.value)
    report = yield
    sessions = item.stash.get(_KEPT, [])
    if call.excinfo is not None:
        sessions += [one for one in _held(call.excinfo.value) if all(one is not kept for kept in sessions)]
    if report.when == "call" and report.failed and sessions:
        for number, session in enumerate(sessions, 1):
            name, told = f"lstm-tui session {number} of {len(sessions)}", "\n".join(_told(session))
            add = getattr(report.longrepr, "addsection", None)  # what stands there is in a file of JUnit too
            if callable(add):
                add(name, told)
            else:
                report.sections.append((name, told))
    return report


def _held(error: BaseException) -> Iterator[TypedSession]:
    """Yield the sessions in the variables of a test that failed, as of a capture, each once."""
    from lstm_tui.debugger.commands.console import TypedSession

    seen: set[int] = set()
    place = error.__traceback__
    while place is not None:
        own = not Path(place.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE)
        for one in place.tb_frame.f_locals.values() if own else ():
            if isinstance(one, TypedSession) and id(one) not in seen:
                seen.add(id(one))
                yield one
        place = place.tb_next


def _told(session: TypedSession) -> Iterator[str]:
    """Yield where a session stands, its edits, what happens there in numbers, and whose memory it is, as a picture."""
    from lstm_tui.debugger.commands.goto import position_lines
    from lstm_tui.debugger.inspect.now import now
    from lstm_tui.debugger.inspect.prediction import verdict_at
    from lstm_tui.debugger.inspect.trace_facts import Facts
    from lstm_tui.testing.assertions import memory_picture

    frame = session.frame
    yield from position_lines(frame)
    yield from session.words
    if not frame.passed.is_windowed:
        facts = Facts(frame.trace, None if frame.difference is None else Facts(frame.difference.before))
        yield now(frame, facts, verdict_at(frame.trace, facts.parts, frame.t, bits=facts.surprise)).text
        if frame.reached(frame.position.pass_name, facts.memory(frame.position.pass_name)):
            yield from memory_picture(frame.trace, frame.passed, frame.t)


def _cut(error: BaseException) -> None:
    """Leave the frames of this package out of the traceback of a user's mistake: its line says what is wrong."""
    from lstm_tui.engine.errors import UserError

    if not isinstance(error, UserError):
        return
    error.__cause__, error.__suppress_context__ = None, True  # what failed inside before it was put in a line
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        if Path(place.tb_next.tb_frame.f_code.co_filename).is_relative_to(_PACKAGE):
            place.tb_next = None
        place = place.tb_next
