"""`lstm-tui convert`: a network of any format as a file that describes itself."""

from __future__ import annotations

from argparse import Namespace

from lstm_tui.cli.source import reading, say_remarks
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.models.bundled import open_model


def command(options: Namespace) -> int:
    """Open a file and save what was understood of it, what was assumed included."""
    if not options.output.lower().endswith(NATIVE):
        raise UserError(f"{visible(options.output)}: the file of a network ends in {NATIVE}")
    network = open_model(options.model, reading(options))
    save(network, options.output)
    say_remarks(network)
    return 0
