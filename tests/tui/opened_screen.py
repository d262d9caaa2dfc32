"""A program for the terminal tests: opens the screen on three lines and ends with its exit code."""

from __future__ import annotations

import sys

from driven_screen import HOSTILE, network, of_tokens, sequences

from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.app import run_app

if __name__ == "__main__":
    lines = [*sequences(), of_tokens(HOSTILE, 4)]
    if "piped" in sys.argv:
        lines = [of_tokens(sys.stdin.read().split())]
    interpreter = None if "numba" in sys.argv else "numpy"
    try:
        sys.exit(run_app(Source(network(), lines, 3 if "hostile" in sys.argv else 0, interpreter=interpreter)))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
