"""Layers of Keras that look texts up: their vocabulary, and how they split a text, as a tokenizer of our own."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from lstm_tui.engine.model.tokens import no_text
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer
from lstm_tui.formats.importers.keras.graph import KerasNode
from lstm_tui.formats.importers.vocabularies import MOST_TEXTS, tokens_of
from lstm_tui.formats.io.json import encode

_STANDARDIZE = (None, "lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLIT = (None, "whitespace", "character")
_PUNCTUATION = r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']"""
_BLANKS = r"[ \t\n\x0b\x0c\r]+"
_MOST_STEPS = 1 << 20


def tokens_of_lookup(node: KerasNode, file: KerasFile, rows: int, report: ImportReport) -> dict[str, Any] | None:
    """Return how text becomes ids, as a layer that looks texts up says; None where the file does not say it whole.

    Args:
        node: The layer.
        file: The file, whose assets may hold the vocabulary.
        rows: How many ids the table above knows.
        report: Learns what was found.
    """
    try:
        texts, unknown = _texts(node, file)
        if len(texts) > rows:
            raise UnsupportedLayer(f"has {len(texts)} ids, and the table has {rows} rows")
        definition = _definition(node, texts, report) if node.kind == "TextVectorization" else None
    except UnsupportedLayer as error:
        report.say("vocabulary", "not used", "confirmed", f"{node.known_as}: {error}; --vocabulary FILE gives one")
        return None
    report.say("vocabulary", f"{len(texts)} texts", "confirmed", node.known_as)
    known = dict(enumerate(texts))
    if definition is None:
        return tokens_of(known, rows, report, unknown)
    vocabulary = [known.get(n, no_text(n)) for n in range(rows)]
    return {"kind": "pieces", "vocabulary": vocabulary, "unknown": unknown, "tokenizer": definition}


def _texts(node: KerasNode, file: KerasFile) -> tuple[list[str], int]:
    """Return the text of every id, and the id of what is not known.

    Raises:
        UnsupportedLayer: The vocabulary is not in the file, or it does not give ids of one vocabulary.
    """
    config = node.config
    vectorizes = node.kind == "TextVectorization"
    if config.get("output_mode", "int") != "int":
        raise UnsupportedLayer(f"gives {visible(str(config.get('output_mode'))[:20])}, and no ids")
    oov = 1 if vectorizes else config.get("num_oov_indices", 1)
    if oov not in (0, 1) or isinstance(oov, bool):
        raise UnsupportedLayer("spreads unknown texts over several ids by a hash, which is not computed here")
    mask = "" if vectorizes else config.get("mask_token")
    special = ([] if mask is None else [str(mask)]) + [str(config.get("oov_token", "[UNK]"))] * oov
    said = config.get("vocabulary")
    if not isinstance(said, Sequence) or isinstance(said, str):
        said = file.vocabulary(*file.place_of(node.own or node.name, node.written or node.kind, node.within)[:1])
    if said is None:
        raise UnsupportedLayer("its vocabulary is not in the file")
    texts = [str(one) for one in said]
    if texts[: len(special)] == special:
        texts = texts[len(special) :]
    texts = special + texts
    if len(set(texts)) < len(texts) or len(texts) > MOST_TEXTS:
        raise UnsupportedLayer("has some texts twice")
    return texts, len(special) - 1 if oov else -1


def _definition(node: KerasNode, texts: Sequence[str], report: ImportReport) -> str | None:
    """Return the tokenizer that splits as a layer does, or None where its library is missing: that is a warning.

    Raises:
        UnsupportedLayer: It splits by a function of its author's own.
    """
    config = node.config
    standardize, split = config.get("standardize", _STANDARDIZE[1]), config.get("split", "whitespace")
    length = config.get("output_sequence_length")
    if standardize not in _STANDARDIZE or split not in _SPLIT:
        raise UnsupportedLayer("splits by a function of its author's own")
    if length is not None and (type(length) is not int or not 1 <= length <= _MOST_STEPS):
        raise UnsupportedLayer("its output_sequence_length is no length")
    if find_spec("tokenizers") is None:
        report.warnings.append(
            f"{node.known_as} splits a text in its own way, which needs tokenizers (pip install 'lstm-tui[tokenizers]')"
            ": here it is split into words, and punctuation stands alone"
        )
        return None
    normalizers: list[Mapping[str, Any]] = []
    if standardize in ("lower", "lower_and_strip_punctuation"):  # of ASCII alone, as TensorFlow has it
        normalizers += [_replaced({"String": big}, big.lower()) for big in string.ascii_uppercase]
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        normalizers.append(_replaced({"Regex": _PUNCTUATION}, ""))
    pattern, behaviour = {
        "whitespace": (_BLANKS, "Removed"), "character": (r"[\s\S]", "Isolated"), None: (r"\A\z", "Isolated"),
    }[split]  # fmt: skip
    content: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behaviour, "invert": False},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {text: n for n, text in enumerate(texts)}, "unk_token": texts[1]},
    }
    if length is not None:
        report.say("tokens.sides", f"filled up to {length}, or cut to {length}, at the end", "confirmed", node.known_as)
        content["truncation"] = {"direction": "Right", "max_length": length, "strategy": "LongestFirst", "stride": 0}
        content["padding"] = {
            "strategy": {"Fixed": length}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
            "pad_type_id": 0, "pad_token": texts[0],
        }  # fmt: skip
    return encode(content).decode()


def _replaced(pattern: Mapping[str, str], content: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": dict(pattern), "content": content}
