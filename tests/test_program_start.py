"""The program begins: Ctrl-C while it is imported leaves no traceback, whichever module is on its way."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lstm_tui.__main__ import start

_INTERRUPTED_AT = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
sys.argv = ["lstm-tui", "models"]
runpy.run_module("lstm_tui", run_name="__main__")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
@pytest.mark.parametrize(
    "module",
    ["lstm_tui.cli", "lstm_tui.cli.main", "argparse", "lstm_tui.cli.arguments", "lstm_tui.debugger.endings", "threading"],
)
def test_ctrl_c_while_it_is_imported_leaves_no_traceback(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", _INTERRUPTED_AT.format(module=module)], capture_output=True, text=True)
    if module == "threading" and done.returncode == 0:
        pytest.skip("it was imported before")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_the_script_that_is_installed_begins_there() -> None:
    scripts = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"lstm-tui": f"{start.__module__}:{start.__name__}"}
