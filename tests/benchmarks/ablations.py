"""Print what each part of an LSTM is worth to a trained network: how often the story network is right without it.

    python -m tests.benchmarks.ablations

The network is `story`, judged by the 1000 generated stories that no training holds; nothing is trained again. A part is
taken away as `ablate` does it while a network is open.
"""

from __future__ import annotations

import argparse

from lstm_tui.debugger.edits.ablations import ABLATIONS
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.edits.equations import with_changed_cells
from lstm_tui.debugger.edits.language import CellEdit
from lstm_tui.engine.errors import UserError
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes.stories import KINDS
from lstm_tui.models.recipes.story import measure


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    network = open_model("story")
    print(f"| | what is done | {' | '.join(f'{kind}, %' for kind in KINDS)} |")
    print("|---" * (2 + len(KINDS)) + "|")
    print(row("", "as it was trained", measure(network)))
    for variant, words in ABLATIONS.items():
        try:
            edit = parse_edit(f"ablate {variant}")
            assert isinstance(edit, CellEdit)
            changed = with_changed_cells(edit, network)
        except UserError:
            continue  # a part that it does not have
        print(row(variant, words, measure(changed)), flush=True)


def row(variant: str, words: str, measured: dict[str, float]) -> str:
    return f"| {variant} | {words} | " + " | ".join(f"{100 * measured[kind]:.1f}" for kind in KINDS) + " |"


if __name__ == "__main__":
    main()
