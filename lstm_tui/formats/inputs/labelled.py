"""Texts with a label each: lines of `label<TAB>text`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.inputs.text_input import read_text
from lstm_tui.formats.io.files import label as label_of

MOST_LABELS = 1_000
_HEADS = {("label", "text"), ("label", "sentence"), ("class", "text")}


@dataclass(frozen=True)
class Labelled:
    """Labelled texts as they were read.

    Attributes:
        where: What messages call the file.
        rows: Label and text of each line.
        labels: Every label once: as numbers where they all are, else in the order of the alphabet.
    """

    where: str
    rows: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]


@door("labelled texts")
def read_labelled(path: str | Path) -> Labelled:
    """Read lines of `label<TAB>text`; empty lines and a first line `label<TAB>text` are passed over.

    Raises:
        UserError: As `read_text`, or a line has no label or no text, or there are not two labels; the line is named.
    """
    text = read_text(path)
    where = label_of(path)
    rows: list[tuple[str, str]] = []
    for number in text.numbers:
        label, tab, content = text.lines[number - 1].partition("\t")
        label, content = label.strip(), content.strip()
        if not tab:
            shown = visible(label[:30])
            raise UserError(f"{where}: line {number} has no TAB between label and text: {shown!r}")
        if not label or not content:
            missing = "label before" if not label else "text behind"
            raise UserError(f"{where}: line {number} has no {missing} its TAB")
        if not rows and (label.lower(), content.lower()) in _HEADS:
            continue
        rows.append((label, content))
    labels = sorted({label for label, _ in rows}, key=_order)
    if len(labels) < 2:
        only = f"only the label {visible(labels[0][:30])!r}" if labels else "no line behind its head"
        raise UserError(f"{where}: holds {only}; at least two labels are to be told apart")
    if len(labels) > MOST_LABELS:
        raise UserError(
            f"{where}: holds {len(labels)} labels, more than {MOST_LABELS}; the label stands before the TAB"
        )
    return Labelled(where, tuple(rows), tuple(labels))


def _order(label: str) -> tuple[int, int, str]:
    whole = label.removeprefix("-")
    if whole_number(whole) is not None:
        return (0, int(label), label)
    return (1, 0, label)
