"""A label for each token of a corpus, as taggers write them: a line a token, with its label behind a tab."""

from __future__ import annotations

import math
from pathlib import Path

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.text_input import read_text


@door("labels")
def read_labels(path: str | Path, tag: str | None = None) -> list[float]:
    """Return the labels of a file, one for each token.

    Lines that are empty or begin with # stand between sequences. A label is the last column of its line: a number, or
    1 where it is `tag` and 0 elsewhere.

    Raises:
        UserError: The file cannot be read, or a label is no finite number.
    """
    read = read_text(path)
    labels = []
    for number, line in enumerate(read.content.split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        label = line.rpartition("\t")[2].strip()
        labels.append(float(label == tag) if tag is not None else _number(label, f"{read.where}:{number}"))
    return labels


def _number(label: str, where: str) -> float:
    try:
        number = float(label)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        tag = visible(label[:40])
        raise UserError(f"{where}: `{tag}` is no number: say which tag is followed, by --tag NAME or probe(c, NAME)")
    return number
