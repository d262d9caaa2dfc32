"""`lstm-tui run`: the debugger on a text or on numbers."""

from __future__ import annotations

import gc
from argparse import Namespace

from lstm_tui.cli.screen import show
from lstm_tui.cli.source import source_of


def command(options: Namespace) -> int:
    """Open the screen on an input; what is wrong with the input is said before there is a screen."""
    gc.disable()  # nothing made on the way to the first frame is garbage; behind it the screen collects again
    if options.follow:
        return _follow(options)
    source = source_of(options, aloud=False)  # the screen says what it should, and the greeting of the plain mode
    if options.plain:
        from lstm_tui.cli.plain import open_session, run_plain

        gc.enable()
        return run_plain(open_session(source), options)
    from lstm_tui.cli.tour import greeting, library
    from lstm_tui.tui.lesson_launcher import Teaching

    return show(source, options, Teaching(library, greeting=greeting() if options.bare else ""))


def _follow(options: Namespace) -> int:
    """Open the session on a text that grows."""
    from lstm_tui.cli.growing_text import Plainly, followed

    source = followed(options)
    if options.plain:
        from lstm_tui.cli.plain import run_plain

        gc.enable()
        plainly = Plainly(source, options.batch)
        return run_plain(plainly.open(), options, arrived=plainly.arrived)
    from lstm_tui.cli.tour import library
    from lstm_tui.tui.lesson_launcher import Teaching

    return show(source, options, Teaching(library))
