"""Where the program begins: `lstm-tui`, which is `python -m lstm_tui`."""

from __future__ import annotations

import signal
import sys


def start() -> int:
    """Run the command line, and return its exit code.

    Ctrl-C while that is still imported ends the program as one without a handler, and not by a traceback of imports;
    `debugger/endings.py` takes the signal over as soon as it is there.
    """
    if sys.platform != "win32" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lstm_tui.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
