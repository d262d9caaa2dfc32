"""`python -m lstm_tui` is `lstm-tui`."""

from __future__ import annotations

import gc
import signal
import sys


def start() -> int:
    """Run the command of the process; return its exit code.

    While our modules are read, Ctrl-C ends the process as the system would, and in no traceback; from then on
    `debugger.endings` sees to it. What is read is no garbage, so it is not looked through while it is read.
    """
    gc.disable()
    if sys.platform != "win32" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from lstm_tui.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(start())
