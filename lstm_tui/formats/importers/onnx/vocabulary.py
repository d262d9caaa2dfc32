"""Vocabularies and labels inside an ONNX file: its notes, constants of text, and nodes that look texts up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.program.graph import attribute
from lstm_tui.formats.importers.vocabularies import Texts, texts_in_notes, texts_of

_TEXT = 8  # TensorProto.STRING
_LEARNED = ("", "ai.onnx.ml")


@dataclass(frozen=True)
class Encoder:
    """A node that makes ids of the texts an input gives.

    Attributes:
        input: Name of the input that gives texts.
        node: The node.
        ids: Texts by their ids.
        unknown: The id of a text that has none.
        lowercase: Whether texts are looked up in lower case.
        drops: Further nodes that have no place once the ids are given.
    """

    input: str
    node: Any
    ids: Texts
    unknown: int
    lowercase: bool = False
    drops: tuple[Any, ...] = ()


def texts_of_file(notes: Mapping[str, str], nodes: Sequence[Any], constants: Mapping[str, Array]) -> dict[str, Texts]:
    """Return the lists of texts in a file, by what it calls them.

    Args:
        notes: Its metadata.
        nodes: Its nodes, whose attributes may hold texts.
        constants: Its tensors.
    """
    found = texts_in_notes(notes)
    for name, one in constants.items():
        if one.dtype.kind in "OSU" and one.ndim == 1:
            _add(found, name, [_text(each) for each in one.tolist()])
    for node in nodes:
        if node.domain not in _LEARNED or not any(one.strings for one in node.attribute):
            continue
        name = str(node.name or node.output[0])
        pair = _pair(node)
        if pair is not None:
            found[f"{name} labels" if pair[1] else name] = pair[0]
            continue
        for one in node.attribute:
            _add(found, f"{name}.{one.name}", [_text(each) for each in one.strings])
    return found


def _add(found: dict[str, Texts], name: str, texts: list[str]) -> None:
    known = texts_of(texts, name)
    if known is not None:
        found[name] = known


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _pair(node: Any) -> tuple[Texts, bool] | None:
    """Return the table of a node from texts to whole numbers or back, and whether it gives texts."""
    names = {
        "LabelEncoder": (("keys_strings", "values_int64s"), ("values_strings", "keys_int64s")),
        "CategoryMapper": (("cats_strings", "cats_int64s"),),
    }
    for given, (texts, numbers) in enumerate(names.get(node.op_type, ())):
        words, ids = attribute(node, texts, []), attribute(node, numbers, [])
        if words and len(words) == len(ids):
            known = texts_of({str(word): int(number) for word, number in zip(words, ids, strict=True)})
            return None if known is None or len(known) < len(words) else (known, bool(given))
    return None


def encoders(nodes: Sequence[Any], texts: Mapping[str, int], outputs: Sequence[str]) -> list[Encoder]:
    """Return the nodes that make ids of inputs of text, each of which nothing else reads.

    Args:
        nodes: Of the file.
        texts: Inputs by name, with their type.
        outputs: Names of the outputs of the file.
    """
    readers: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    found: list[Encoder] = []
    for name, kind in texts.items():
        drops: tuple[Any, ...] = ()
        given, lowercase = name, False
        if kind != _TEXT or len(readers.get(name, ())) != 1:
            continue
        (node,) = readers[name]
        if node.op_type == "StringNormalizer" and not attribute(node, "stopwords", []):
            said = str(attribute(node, "case_change_action", "NONE"))
            given, drops, lowercase = node.output[0], (node,), said == "LOWER"
            if said == "UPPER" or len(readers.get(given, ())) != 1 or given in outputs:
                continue
            (node,) = readers[given]
        pair = _pair(node)
        if node.domain == "ai.onnx.ml" and pair is not None and not pair[1]:
            ids = pair[0]
            said_of = int(attribute(node, "default_int64", -1))
            found.append(Encoder(name, node, ids, said_of, lowercase, drops))
    return found
