"""`lstm-tui convert`: a network of any format as a file that describes itself, or edits written back into its own."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from lstm_tui.cli.source import reading, say, say_remarks
from lstm_tui.engine.errors import UsageError, UserError, behind
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.formats.importers.untrained import one_layer
from lstm_tui.models.bundled import open_model


def command(options: Namespace) -> int:
    """Open a file, make edits of its weights, and save what was understood of it, or its own file with those."""
    if options.output is not None and not options.output.lower().endswith(NATIVE):
        raise UsageError(f"{visible(options.output)}: the file of a network ends in {NATIVE}")
    if options.into is not None and not options.over and Path(options.into).is_file():
        raise UserError(f"{visible(options.into)}: is there already; --over puts this in its place")
    network = open_model(options.model, reading(options))
    if options.layer is not None:
        if options.into is not None:
            raise UsageError("--into writes a file with all its layers: --layer goes with -o OUT.safetensors")
        with behind("--layer"):
            network = one_layer(network, options.layer)
    lost: tuple[str, ...] = ()
    if options.edits is not None:
        from lstm_tui.debugger.edits.apply import edited_network, not_written
        from lstm_tui.debugger.edits.edit_reader import read_edit_script

        edits = read_edit_script(options.edits)
        network, lost = edited_network(edits, network), tuple(not_written(edits))
    if options.into is None:
        save(network, options.output)
    else:
        from lstm_tui.formats.write_back.save import save_model

        for line in save_model(network, options.into):
            print(line)
    say_remarks(network)
    for line in lost:
        say(line)
    return 0
