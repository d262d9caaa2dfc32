"""How every command that opens the screen opens it."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from lstm_tui.debugger.source import Source

if TYPE_CHECKING:
    from lstm_tui.tui.controllers.autosave import Offer
    from lstm_tui.tui.lesson_launcher import Teaching


def show(source: Source, options: Namespace, teaching: Teaching, resume: Offer | None = None, past: bool = True) -> int:
    """Open the screen on what is open, its work kept where a command opens it again; return the exit code.

    Args:
        source: What is open.
        options: Those of the screen.
        teaching: The lessons that can be opened.
        resume: A session that was saved, to be taken up.
        past: Whether the lines that were typed before are at hand.

    Raises:
        UserError: If there is no terminal to draw on, or the first sequence or an edit does not fit the network.
    """
    from lstm_tui.cli.autosave import kept
    from lstm_tui.formats.io.command_history import Past
    from lstm_tui.formats.io.preferences import EXPERT, Preferences
    from lstm_tui.tui.app import run_app

    settings = Preferences.kept()
    config = getattr(options, "config", None)
    if config is not None and config.level is not None:
        settings.begin_with(EXPERT, config.level == "expert")
    return run_app(
        source,
        light=options.light,
        resume=resume,
        past=Past.kept() if past else None,
        keeping=kept(source.command),
        teaching=teaching,
        settings=settings,
        begin=getattr(options, "begin", None),
        remark=getattr(options, "remark", ""),
    )
