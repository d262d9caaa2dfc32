"""`lstm-tui run`: the debugger on a text or on numbers."""

from __future__ import annotations

import gc
from argparse import Namespace

from lstm_tui.cli.job import work
from lstm_tui.cli.reopen import command_of


def command(options: Namespace) -> int:
    """Open the screen on an input; what is wrong with the input is said before there is a screen."""
    gc.disable()  # nothing made on the way to the first frame is garbage; behind it the screen collects again
    if options.follow:
        return _follow(options)
    todo = work(options, aloud=False)  # the screen says what it should, and the greeting of the plain mode
    if options.plain:
        from lstm_tui.cli.plain import open_session, run_plain

        gc.enable()
        return run_plain(open_session(todo, command_of(options)), options)
    from lstm_tui.cli.autosave import kept
    from lstm_tui.cli.tour import greeting, library
    from lstm_tui.formats.io.command_history import Past
    from lstm_tui.tui.app import run_app
    from lstm_tui.tui.lesson_launcher import Teaching

    command = command_of(options)
    return run_app(
        todo.network,
        todo.sequences,
        start=todo.start,
        dtype=todo.dtype,
        initial=todo.initial or None,
        carry=todo.carry,
        light=options.light,
        numba=todo.interpreter != "numpy",
        recipe=todo.recipe,
        command=command,
        past=Past.kept(),
        keeping=kept(command),
        teaching=Teaching(library, greeting=greeting() if options.bare else ""),
    )


def _follow(options: Namespace) -> int:
    """Open the session on a text that grows."""
    from lstm_tui.cli.follow import Plainly, followed

    todo = followed(options)
    if options.plain:
        from lstm_tui.cli.plain import run_plain

        gc.enable()
        plainly = Plainly(todo, options.batch)
        return run_plain(plainly.open(), options, arrived=plainly.arrived)
    from lstm_tui.cli.tour import library
    from lstm_tui.formats.io.command_history import Past
    from lstm_tui.tui.app import run_app
    from lstm_tui.tui.lesson_launcher import Teaching

    return run_app(
        todo.network,
        dtype=todo.dtype,
        initial=todo.initial or None,
        light=options.light,
        numba=todo.interpreter != "numpy",
        recipe=todo.recipe,
        past=Past.kept(),
        teaching=Teaching(library),
        incoming=todo.incoming,
    )
