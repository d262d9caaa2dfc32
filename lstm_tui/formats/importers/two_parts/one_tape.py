"""A network of two parts on one tape: its table of tokens, its layers, its head, and how it answers."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.dense_layers import DenseEquations
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Answering, Plan, WrittenReadout
from lstm_tui.formats.importers.two_parts.part_pages import decoder_pages, encoder_pages
from lstm_tui.formats.importers.two_parts.parts import TwoParts

PLACES, MOST = 64, 64
"""Places that the decoder looks over, and tokens of an answer, where nothing is said."""
_NEVER = -1e4
"""Score of a token that is only read: as a share it is 0."""


def on_one_tape(parts: TwoParts, report: ImportReport, why: str = NOT_RECORDED) -> Plan:
    """Return a network of two parts as one.

    A row of the table says which of both parts a token is for (±1), then what the encoder has for it, then what the
    decoder has: one of the two is 0.

    Args:
        parts: The network.
        report: Told what is found.
        why: Why the file does not tell which tokens begin and end an answer, and how many places there are.

    Raises:
        UserError: A number that the user gave is none.
    """
    read, said = parts.read, parts.said
    places = _number(report, why, "places", PLACES) if parts.look is not None else 0
    width, own = 1 + read.shape[1] + said.shape[1], said.shape[1]
    layers, carried = encoder_pages(parts, own, width)
    layers += decoder_pages(parts, carried, own, places)
    for n, layer in enumerate(layers):
        report.say(f"layer{n}.size", f"{layer.inputs} → {layer.hidden}", "confirmed", "shapes")
    table = np.zeros((len(read) + len(said), width), read.dtype)
    table[: len(read), 0], table[len(read) :, 0] = -1, 1
    table[: len(read), 1 : 1 + read.shape[1]], table[len(read) :, 1 + read.shape[1] :] = read, said
    begin, end = (_number(report, why, f"answers.{key}", n, len(said)) for n, key in enumerate(("begin", "end")))
    report.say("tokens", f"{len(read)} that are read, then {len(said)} of the answer", "inferred", "two tables of ids")
    words = [*map(str, range(len(read))), *(f"a{n}" for n in range(len(said)))]
    return Plan(
        "", layers, embedding=table, mask_id=parts.mask_id,
        tokens={"kind": "words", "lowercase": False, "vocabulary": words},
        readout=_head(parts, layers[-1].sizes.get("P", layers[-1].hidden)),
        answers=Answering(len(read) + begin, len(read) + end, _number(report, why, "answers.most", MOST)),
    )  # fmt: skip


def _head(parts: TwoParts, width: int) -> WrittenReadout:
    """Return the head: what stands above the decoder, and a score of each token; one that is only read has none."""
    rows = len(parts.read) + len(parts.said)
    weights = np.zeros((rows, parts.head.w.shape[1]), parts.head.w.dtype)
    weights[len(parts.read) :] = parts.head.w
    biases = np.full(rows, _NEVER, parts.head.w.dtype)
    biases[len(parts.read) :] = 0 if parts.head.b is None else parts.head.b
    made = DenseEquations()
    value = "h"
    if parts.before_head:
        made.add(parts.before_head, "h", "u", "u", width)
        value = "u"
    listed = ", ".join([*(f"{name} = {size}" for name, size in made.sizes.items()), 'y = "K"'])
    lines = "\n".join(made.lines)
    text = (
        'title = "Dense and softmax at every token"\nsource = "the head of the file"\n'
        f"each = '''\n{lines}\ny = softmax(V_y @ {value} + b_y)   # prediction: one probability a token\n'''\n"
        f'result = "y"\nsizes = {{ {listed} }}\n'
    )
    return WrittenReadout(text, {**made.given, "V_y": weights, "b_y": biases}, rows)


def _number(report: ImportReport, why: str, key: str, usual: int, below: int = 1 << 12) -> int:
    text = report.choose(key, str(usual), [], "assumed", why, free=True)
    number = whole_number(text)
    if number is None or not 0 <= number < below:
        raise UserError(f"{report.file}: --set {key}={visible(text[:40])} is no number below {below}")
    return number
