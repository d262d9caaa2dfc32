"""What pytest gets from lstm-tui: a fixture that opens sessions, and failures that show where a session stood."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lstm_tui.debugger.commands.console import TypedSession

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
    report = yield
    sessions = item.stash.get(_KEPT, [])
    if report.when == "call" and report.failed and sessions:
        from lstm_tui.debugger.commands.goto import position_lines

        for number, session in enumerate(sessions, 1):
            told = [*position_lines(session.frame), *session.words]
            report.sections.append((f"lstm-tui session {number} of {len(sessions)}", "\n".join(told)))
    return report
