"""How text becomes the ids of a network whose own file does not say: a vocabulary from a file beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.inputs.tokenizer import splitter
from lstm_tui.formats.inputs.tokenizer_file import TokenizerFile, is_tokenizer, read_tokenizer
from lstm_tui.formats.io.files import label, read_bytes
from lstm_tui.formats.io.json import decode

_LIMIT = 64 << 20
_UNKNOWN = ("<unk>", "[unk]", "<oov>", "[oov]", "unk", "oov", "<unknown>", "�")
_KINDS = ("words", "chars", "bytes")


@door("a vocabulary")
def read_vocabulary(
    path: str | Path, kind: str | None, rows: int, report: ImportReport, own_sides: bool = True
) -> tuple[dict[str, Any], int]:
    """Return the description of tokens that a file of a vocabulary gives, and the id that fills a text up.

    The file is one token a line, a JSON list, a JSON object of tokens and ids, a tokenizer of Keras as JSON, or a
    tokenizer.json of Hugging Face's library.

    Args:
        path: The file.
        kind: What a text is split into; None where the file says so, or else words.
        rows: How many ids the network knows.
        report: Learns what the file says.
        own_sides: Whether padding and truncation of the file hold.

    Raises:
        UserError: It is none of these, or holds ids that the network does not know.
    """
    where = label(path)
    data = read_bytes(path, _LIMIT)
    lowercase = False
    if data.lstrip()[:1] in (b"{", b"["):
        content = decode(data, where)
        if is_tokenizer(content):
            if kind is not None:
                raise UserError(f"{where}: says itself how a text is split: leave --tokens out")
            return _pieces(read_tokenizer(content, len(data), where), rows, report, own_sides)
        if isinstance(content, dict) and content.get("class_name") == "Tokenizer":
            content, lowercase, characters = _keras(content, where)
            kind = kind or ("chars" if characters else "words")
        ids = _ids(content, where)
    else:
        try:
            lines = data.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise UserError(f"{where}: byte {error.start + 1} is not UTF-8; save it as UTF-8") from error
        ids = {line.removesuffix("\r"): n for n, line in enumerate(lines[:-1] if not lines[-1] else lines)}
    vocabulary = _by_id(ids, rows, where)
    unknown = next((n for token, n in ids.items() if token.lower() in _UNKNOWN), 0)
    if kind is not None and kind not in _KINDS:
        raise UserError(f"text is split into {', '.join(_KINDS)}, not {visible(kind)}")
    report.say("tokens", f"{kind or 'words'} of {where}", "set", "--vocabulary")
    return {"kind": kind or "words", "vocabulary": vocabulary, "lowercase": lowercase, "unknown": unknown}, 0


def _by_id(ids: Mapping[str, int], rows: int, where: str) -> list[str]:
    """Return the token of each id the network knows; the file may have fewer."""
    largest = max(ids.values(), default=-1)
    if largest >= rows:
        raise UserError(f"{where}: has the id {largest}, and the network knows {rows} ids, from 0")
    vocabulary = [f"<{n}>" for n in range(rows)]
    for token, number in ids.items():
        vocabulary[number] = token
    return vocabulary


def _pieces(file: TokenizerFile, rows: int, report: ImportReport, own_sides: bool) -> tuple[dict[str, Any], int]:
    vocabulary = _by_id(file.ids, rows, file.where)
    report.say("tokens", f"{len(file.ids)} pieces ({file.model}) of {file.where}", "set", "--vocabulary")
    added = splitter(file.definition(special=True, sides=True)).special()
    special = True
    if added:
        why = f"its post-processor puts {added} token{'s' * (added > 1)} around a text"
        special = report.choose("tokens.special", "added", ("none",), "inferred", why) == "added"
    if file.sides:
        report.say("tokens.sides", file.sides if own_sides else "as --pad says", "confirmed" if own_sides else "set",
                   "" if own_sides else f"the file says: {file.sides}")  # fmt: skip
    description = {
        "kind": "pieces",
        "vocabulary": vocabulary,
        "unknown": -1 if file.unknown is None else file.unknown,
        "tokenizer": file.definition(special, own_sides),
    }
    return description, file.pad_id if file.pad_id < rows else 0


def _ids(content: Any, where: str) -> dict[str, int]:
    if isinstance(content, list) and all(isinstance(one, str) for one in content):
        return {token: n for n, token in enumerate(content)}
    if isinstance(content, Mapping):
        inner = next((content[key] for key in ("vocab", "word_index", "char_to_ix") if key in content), content)
        if isinstance(inner, Mapping) and all(type(one) is int and one >= 0 for one in inner.values()):
            return {str(token): int(number) for token, number in inner.items()}
    raise UserError(f"{where}: should be a list of tokens, or an object of tokens and their ids")


def _keras(content: Mapping[str, Any], where: str) -> tuple[Any, bool, bool]:
    config = content.get("config")
    if not isinstance(config, Mapping) or not isinstance(config.get("word_index"), str):
        raise UserError(f"{where}: is a tokenizer of Keras without its word_index")
    ids = decode(config["word_index"], f"{where}: word_index")
    if isinstance(ids, dict) and isinstance(config.get("num_words"), int):
        ids = {token: number for token, number in ids.items() if type(number) is int and number < config["num_words"]}
    return ids, bool(config.get("lower", True)), bool(config.get("char_level", False))
