"""The command line: one file for each sub-command, and nothing slow imported before it is needed."""

from __future__ import annotations

from lstm_tui.cli.main import main

__all__ = ["main"]
