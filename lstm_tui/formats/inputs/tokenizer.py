"""A tokenizer of Hugging Face's library: a text as the pieces it was trained on, split in a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Lock, Timer
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.setbacks import cause
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.json import decode

LONGEST_TEXT = 4 << 20
_SECONDS = 10.0
_PER_MEGABYTE = 10.0
_LONGEST_ANSWER = 256 << 20
_MISSING = "a text is split by a tokenizer.json, which needs tokenizers: pip install 'lstm-tui[tokenizers]'"

Pieces = tuple[list[str], list[int], list[tuple[int, int]]]
"""Pieces of the vocabulary, their ids, and where in the text each stands."""


class Splitter:
    """One tokenizer, whose process is started when a text is split and again after it was killed."""

    def __init__(self, definition: str) -> None:
        """Take the text of a tokenizer.json."""
        self._definition = definition
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        self._special = 0

    def special(self) -> int:
        """Return how many tokens it adds to a text.

        Raises:
            UserError: The library refuses the definition, or is missing.
        """
        with self._lock:
            self._started()
        return self._special

    def split(self, text: str, special: bool = True) -> Pieces:
        """Split a text; `special` adds what the definition adds around it.

        Raises:
            UserError: It cannot be split, takes too long or too much memory, or the library is missing.
        """
        if len(text) > LONGEST_TEXT:
            raise UserError(f"a text of {len(text)} characters; a tokenizer is given {LONGEST_TEXT} at most")
        seconds = _SECONDS + _PER_MEGABYTE * len(text) / 1e6
        with self._lock:
            answer = self._asked(self._started(), {"text": text, "special": special}, seconds)
        ids, tokens, places = (answer.get(name) for name in ("ids", "tokens", "places"))
        if not isinstance(ids, list) or not isinstance(tokens, list) or not isinstance(places, list):
            raise UserError("the tokenizer gives no answer that can be read")
        return tokens, ids, [(int(first), int(stop)) for first, stop in places]

    def close(self) -> None:
        """End its process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    _closed(stream)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()  # one that was killed meanwhile is started again
        if find_spec("tokenizers") is None:
            raise UserError(_MISSING)
        child = Path(__file__).with_name("tokenizer_child.py")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(child)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a panic would be written over the screen
                env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "PYTHONIOENCODING": "utf-8"},
            )
        except OSError as error:
            raise UserError(f"the tokenizer's process cannot be started: {cause(error)}") from error
        answer = self._asked(self._process, decode(self._definition, "the tokenizer"), _SECONDS + 20)
        self._special = int(answer.get("special", 0))
        return self._process

    def _asked(self, process: subprocess.Popen[bytes], request: Any, seconds: float) -> dict[str, Any]:
        """Send a line and return the answer; what cannot be had ends the process."""
        assert process.stdin is not None
        assert process.stdout is not None
        late = Event()
        timer = Timer(seconds, _stop, (process, late))
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = process.stdout.readline(_LONGEST_ANSWER)
        except OSError:
            line = b""
        finally:
            timer.cancel()
        if not line.endswith(b"\n"):
            self.close()
            why = f"takes longer than {fixed(seconds, 0)} s" if late.is_set() else "needs more memory than it is given"
            raise UserError(f"the tokenizer {why} for this text, and was stopped")
        answer = json.loads(line)
        if "error" in answer:
            self.close()
            raise UserError(f"the tokenizer fails: {visible(str(answer['error']))}")
        return dict(answer)


def _stop(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    process.kill()


def _closed(stream: Any) -> None:
    try:
        stream.close()
    except OSError:  # what was not sent cannot be sent any more
        return


_OPEN: dict[str, Splitter] = {}


def splitter(definition: str) -> Splitter:
    """Return the tokenizer of a definition; the last one used stays open."""
    if definition not in _OPEN:
        close_all()
        _OPEN[definition] = Splitter(definition)
    return _OPEN[definition]


@atexit.register
def close_all() -> None:
    """End every process."""
    while _OPEN:
        _OPEN.popitem()[1].close()
