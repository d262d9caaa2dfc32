"""`lstm-tui run`: the debugger on a text or on numbers; with `--follow`, on a text that is read while it grows."""

from __future__ import annotations

import gc
import os
import select
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from lstm_tui.cli.screen import show
from lstm_tui.cli.source import open_network, say, source_of, with_run
from lstm_tui.debugger.edits.language import Edit, NetworkEdit, line_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.incremental import most_tokens
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.stream import Incoming
from lstm_tui.formats.inputs.stream_decoder import Arriving
from lstm_tui.formats.io.files import reason

_SOON = 0.3  # seconds after which it is said that nothing has come
_BLINK = 0.1  # seconds between two looks whether the end has come


def followed(options: Namespace) -> Source:
    """Return what the options ask for, and begin to read.

    Raises:
        UserError: The network cannot follow, or there is nothing to read from.
    """
    if sys.stdin is not None and sys.stdin.isatty():
        raise UserError(
            "standard input is the keyboard: give it a text, such as tail -f FILE | lstm-tui run - --follow"
        )
    network = open_network(options)
    arriving = Arriving(network)
    source = with_run(Source(network), options)
    _check_edits(source.edit_script, network)
    try:  # a descriptor of its own: the screen puts the terminal in the place of standard input
        descriptor = os.dup(0)
    except OSError as error:
        raise UserError(f"standard input: cannot be read: {reason(error)}") from error
    incoming = Incoming.of_descriptor(descriptor, arriving, most_tokens(network, options.dtype)).start()
    return replace(source, incoming=incoming)


def _check_edits(edits: tuple[Edit, ...], network: Network) -> None:
    """Refuse edits to begin with that need a token."""
    from lstm_tui.debugger.edits.apply import apply

    for edit in edits:
        if not isinstance(edit, NetworkEdit):
            raise UserError(
                f"`{visible(line_of(edit))}` changes what has not come yet: with --follow, --edits takes edits of "
                "weights and equations; others are made in the session"
            )
    apply(edits, network, Sequence("words", ()))


class Plainly:
    """What a session line by line does with a text that grows: each line typed first takes in what has come."""

    def __init__(self, source: Source, to_the_end: bool) -> None:
        """Hold what comes; `to_the_end` waits for all of it before the session opens."""
        assert source.incoming is not None
        self._source, self._incoming = source, source.incoming
        self._to_the_end, self._told = to_the_end, False
        self._keys: int | None = None

    def open(self) -> Session:
        """Return a session on what has come so far, once there is something.

        Raises:
            UserError: The input ends without a token, or cannot be read.
        """
        session = Session.open(self._source.with_text(self._first()))
        if not self._to_the_end:
            session.goto(session.frame.steps - 1)
            with suppress(OSError):  # without a terminal, nothing is typed
                self._keys = os.open("/dev/tty", os.O_RDONLY)
            session.stream.coming = self._more
        return session

    def _first(self) -> Sequence:
        incoming = self._incoming
        if not incoming.wait(_SOON) and not incoming.is_over:
            say("waits for text on standard input")
        found = self._coming()
        while self._to_the_end and found is not None and (more := self._coming()) is not None:
            found = found.followed_by(more)
        if incoming.error and (found is None or self._to_the_end):
            raise UserError(incoming.error)
        assert found is not None  # an end without a token is an error
        if self._to_the_end:
            self._told = True
            if incoming.is_full:
                say(incoming.full_words)
        return found

    def _coming(self) -> Sequence | None:
        """Wait for more, and return it, or None at the end."""
        while not self._incoming.wait(_BLINK):
            if self._incoming.is_over:
                return None
        return self._incoming.take()

    def _more(self) -> Sequence | None:
        """Wait for more, and return it, or None at the end; a line that is typed meanwhile ends the waiting.

        Raises:
            KeyboardInterrupt: There is such a line, which is not read here.
        """
        if not self._incoming.wait(_SOON) and not self._incoming.is_over:
            say("waits for more: Enter stops waiting")  # Ctrl-C would as well, and end what writes into the pipe
        while not self._incoming.wait(_BLINK):
            if self._incoming.is_over:
                return None
            if self._keys is not None and select.select([self._keys], [], [], 0)[0]:
                raise KeyboardInterrupt
        return self._incoming.take()

    def arrived(self, session: Session) -> Iterator[str]:
        """Have the session take in what has come; yields what there is to say of it."""
        more = self._incoming.take()
        if more is not None:
            session.grow(more, follow=False)  # the line goes on from where whoever typed it saw the run stand
            count = len(more)
            yield f"{count} more token{'s' * (count > 1)}, {session.frame.steps} in all"
        yield from self._end()

    def _end(self) -> Iterator[str]:
        """Say once that nothing more comes, and why."""
        incoming = self._incoming
        if self._told or not incoming.is_over:
            return
        self._told = True
        yield incoming.error or (incoming.full_words if incoming.is_full else "end of the text")


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
    source = followed(options)
    if options.plain:
        from lstm_tui.cli.plain import run_plain

        gc.enable()
        plainly = Plainly(source, options.batch)
        return run_plain(plainly.open(), options, arrived=plainly.arrived)
    from lstm_tui.cli.tour import library
    from lstm_tui.tui.lesson_launcher import Teaching

    return show(source, options, Teaching(library))
