"""`lstm-tui info`: versions, paths and what the terminal can do, for a report of something that went wrong."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from argparse import Namespace
from importlib import metadata
from pathlib import Path

from lstm_tui.cli.printing import print_json
from lstm_tui.engine.setbacks import cause
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.samples import sample_names, samples_folder
from lstm_tui.version import __version__

_PACKAGES = (
    "numpy", "numba", "textual", "rich", "safetensors", "h5py", "onnx", "tokenizers", "resvg-py", "textual-serve",
)  # fmt: skip
_VARIABLES = ("TERM", "COLORTERM", "NO_COLOR", "LANG", "LC_ALL", "NUMBA_CACHE_DIR", "NUMBA_DISABLE_JIT")


def command(options: Namespace) -> int:
    """Print what is known of the installation."""
    from lstm_tui.engine.language.cell import cell_names
    from lstm_tui.models import bundled_names

    facts = {
        "lstm-tui": __version__,
        "python": f"{platform.python_version()} on {platform.platform()}",
        **{name: _version(name) for name in _PACKAGES},
        "engine": _engine(),
        "package": str(Path(__file__).parent.parent),
        "models": ", ".join(bundled_names()) or "none",
        "cells": ", ".join(cell_names()),
        "samples": f"{samples_folder()}: {', '.join(sample_names()) or 'none'}",
        "terminal": _terminal(),
        "encoding": f"standard output {sys.stdout.encoding}, standard error {sys.stderr.encoding}",
        **{name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }
    if options.json:
        print_json(facts)
        return 0
    width = max(map(len, facts))
    for name, value in facts.items():
        print(f"{name:<{width}}  {visible(value)}")
    return 0


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _engine() -> str:
    from lstm_tui.engine.errors import UserError
    from lstm_tui.engine.runtime.interpreters import interpreter

    try:
        interpreter("numba")
    except UserError as error:  # it may be missing, half installed or not for this NumPy
        return f"numpy; numba cannot be used: {cause(error.__cause__ or error)}"
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return "numba, kernels not compiled: NUMBA_DISABLE_JIT is set"
    from lstm_tui.engine.runtime.fused.host import host
    from lstm_tui.engine.runtime.fused.interpreter import serves

    if serves():
        made_for = host()
        return f"numba, its compiler alone: for {made_for.name}, vectors of {8 * made_for.vector_bytes} bits"
    from lstm_tui.engine.runtime import kernels

    folder = kernels.kept_in()
    return f"numba, compiled kernels kept in {folder}" if folder else "numba, compiled again at every start"


def _terminal() -> str:
    streams = {"input": sys.stdin, "output": sys.stdout, "error": sys.stderr}
    there = [name for name, stream in streams.items() if stream is not None and stream.isatty()]
    if not there:
        return "none: no standard stream is one"
    from rich.console import Console

    columns, lines = shutil.get_terminal_size()
    colours = Console(stderr=sys.stderr.isatty()).color_system or "no"
    return f"{columns}×{lines}, {colours} colours, on standard {', '.join(there)}"
