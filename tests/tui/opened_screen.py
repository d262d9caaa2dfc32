"""A program for the terminal tests: opens the screen on three lines and ends with its exit code."""

from __future__ import annotations

import sys

from driven_screen import HOSTILE, network, of_tokens, sequences

from lstm_tui.engine.errors import UserError
from lstm_tui.tui.app import run_app

if __name__ == "__main__":
    lines = [*sequences(), of_tokens(HOSTILE, 4)]
    if "piped" in sys.argv:
        lines = [of_tokens(sys.stdin.read().split())]
    try:
        sys.exit(run_app(network(), lines, start=3 if "hostile" in sys.argv else 0, numba="numba" in sys.argv))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
