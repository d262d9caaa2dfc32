"""How text becomes the ids of a network whose own file does not say: a vocabulary from a file beside it.

Of `tokenizer.json`, the file of Hugging Face's library, what it says of its pieces is read, without running it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError, utf8_text
from lstm_tui.engine.model.tokens import no_text
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.vocabularies import unknown_id
from lstm_tui.formats.inputs.tokenizer import splitter
from lstm_tui.formats.io.files import label, read_bytes, size_text
from lstm_tui.formats.io.json import decode, encode

LIMIT = 64 << 20
_MOST_ID = 1 << 24
_PADS = ("[PAD]", "<pad>", "<PAD>", "[pad]", "<|pad|>", "<|endoftext|>")


@dataclass(frozen=True)
class TokenizerFile:
    """What a tokenizer.json says.

    Attributes:
        where: What messages call it.
        content: Its JSON value.
        ids: Id of each piece, those that were added included.
        unknown: Id of what it does not know, or None.
    """

    where: str
    content: Mapping[str, Any]
    ids: Mapping[str, int]
    unknown: int | None

    @property
    def model(self) -> str:
        """The kind of its model, such as `BPE`."""
        said = self.content["model"].get("type")
        return visible(str(said)[:40]) if said else "BPE" if "merges" in self.content["model"] else "WordLevel"

    @property
    def pad_id(self) -> int:
        """The id of what fills a text up."""
        padding = self.content.get("padding")
        said = padding.get("pad_id") if isinstance(padding, Mapping) else None
        if type(said) is int:
            return said
        return next((self.ids[one] for one in _PADS if one in self.ids), 0)

    @property
    def sides(self) -> str:
        """What it says of padding and truncation, in words; empty where it says nothing."""
        parts = []
        padding, cut = self.content.get("padding"), self.content.get("truncation")
        if isinstance(padding, Mapping):
            strategy = padding.get("strategy")
            fixed = strategy.get("Fixed") if isinstance(strategy, Mapping) else None
            parts += [f"filled up to {fixed}, {str(padding.get('direction', 'Right')).lower()}"] if fixed else []
        if isinstance(cut, Mapping):
            parts.append(f"cut to {cut.get('max_length')}, {str(cut.get('direction', 'Right')).lower()}")
        return visible("; ".join(parts))

    def definition(self, special: bool, sides: bool) -> str:
        """Return its JSON text; without special tokens, or without its own padding and truncation, as is wanted."""
        content = dict(self.content)
        if not special:
            content["post_processor"] = None
        if not sides:
            content |= {"padding": None, "truncation": None}
        return encode(content).decode()


def is_tokenizer(content: Any) -> bool:
    """Say whether a JSON value is a tokenizer.json."""
    model = content.get("model") if isinstance(content, Mapping) else None
    return isinstance(model, Mapping) and "vocab" in model


def read_tokenizer(content: Mapping[str, Any], size: int, where: str) -> TokenizerFile:
    """Return a tokenizer whose library is here and takes it.

    Args:
        content: Its JSON value.
        size: Of its file.
        where: What messages call it.

    Raises:
        UserError: It is damaged, the library refuses it, or is missing.
    """
    if find_spec("tokenizers") is None:
        raise UserError(f"{where}: is a tokenizer.json, which needs tokenizers: pip install 'lstm-tui[tokenizers]'")
    if size > LIMIT:
        raise UserError(f"{where}: is {size_text(size)}; the limit of a tokenizer.json is {size_text(LIMIT)}")
    model = content["model"]
    vocab = model["vocab"]
    ids: dict[str, int] = {}
    if isinstance(vocab, Mapping):
        ids = dict(vocab)
    elif isinstance(vocab, list) and all(isinstance(one, list) and len(one) == 2 for one in vocab):  # Unigram
        ids = {piece: n for n, (piece, _) in enumerate(vocab)}
    added = content.get("added_tokens")
    for one in added if isinstance(added, list) else []:
        if isinstance(one, Mapping):
            ids[one.get("content", "")] = one.get("id", -1)
    if not ids or not all(isinstance(one, str) and type(n) is int and 0 <= n < _MOST_ID for one, n in ids.items()):
        raise UserError(f"{where}: is a tokenizer.json without pieces and their ids")
    named = model.get("unk_token")
    unknown = ids.get(named) if isinstance(named, str) else model.get("unk_id")
    file = TokenizerFile(where, content, ids, unknown if type(unknown) is int and 0 <= unknown < _MOST_ID else None)
    try:
        splitter(file.definition(special=True, sides=True)).special()
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return file


_LIMIT = 64 << 20
_LONGEST_TOKEN = 30
_KINDS = ("words", "chars", "bytes")
Vocabulary = str | Path | tuple[str, ...] | Mapping[str, int]
"""A file, the tokens by id, or a mapping of tokens to ids."""


@door("a vocabulary")
def read_vocabulary(
    path: Vocabulary, kind: str | None, rows: int, report: ImportReport, own_sides: bool = True
) -> tuple[dict[str, Any], int]:
    """Return the description of tokens that a file of a vocabulary gives, and the id that fills a text up.

    The file is one token a line, a JSON list, a JSON object of tokens and ids, a tokenizer of Keras as JSON, or a
    tokenizer.json of Hugging Face's library.

    Args:
        path: The file; or its tokens by id, or a mapping of tokens to ids.
        kind: What a text is split into; None where the file says so, or else words.
        rows: How many ids the network knows.
        report: Learns what the file says.
        own_sides: Whether padding and truncation of the file hold.

    Raises:
        UserError: It is none of these, or holds ids that the network does not know.
    """
    if not isinstance(path, str | Path):
        where, data, given = "vocabulary=", b"", list(path) if isinstance(path, tuple) else path
    else:
        where, data, given = label(path), read_bytes(path, _LIMIT), None
    lowercase = False
    if given is not None:
        ids = _ids(given, where)
    elif data.lstrip()[:1] in (b"{", b"["):
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
        lines = utf8_text(data, where, "it").split("\n")
        ids = {line.removesuffix("\r"): n for n, line in enumerate(lines[:-1] if not lines[-1] else lines)}
    vocabulary = _by_id(ids, rows, where)
    if kind is not None and kind not in _KINDS:
        raise UserError(f"text is split into {', '.join(_KINDS)}, not {visible(kind)}")
    report.say("tokens", f"{kind or 'words'} of {where}", "set", "--vocabulary")
    _say_what_has_none(ids, rows, where, report)
    unknown = unknown_id({number: token for token, number in ids.items()}, rows, report)
    return {"kind": kind or "words", "vocabulary": vocabulary, "lowercase": lowercase, "unknown": unknown}, 0


def _by_id(ids: Mapping[str, int], rows: int, where: str) -> list[str]:
    """Return the token of each id the network knows; the file may have fewer.

    Raises:
        UserError: It holds no token, an id that the network does not know, or two tokens of one id.
    """
    if not ids:
        raise UserError(f"{where}: holds no token; a vocabulary is one token a line, each line an id from 0")
    largest = max(ids.values())
    if largest >= rows:
        raise UserError(f"{where}: has the id {largest}, and the network knows {rows} ids, from 0")
    vocabulary = [no_text(n) for n in range(rows)]
    taken: dict[int, str] = {}
    for token, number in ids.items():
        if number in taken:
            both = " and ".join(f"“{visible(one)[:_LONGEST_TOKEN]}”" for one in (taken[number], token))
            raise UserError(f"{where}: {both} both have the id {number}; an id has one token")
        vocabulary[number] = taken[number] = token
    return vocabulary


def _say_what_has_none(ids: Mapping[str, int], rows: int, where: str, report: ImportReport) -> None:
    """Warn of ids of the network without a token; id 0 is what fills a text up where the file counts from 1."""
    known = set(ids.values())
    missing = [n for n in range(rows) if n not in known]
    if not [n for n in missing if n]:
        return
    last = missing[-1] - missing[0] + 1 == len(missing)
    if len(missing) == 1:
        which = f"id {missing[0]} has none"
    elif last:
        which = f"ids {missing[0]} to {missing[-1]} have none"
    else:
        which = f"{len(missing)} ids, such as {missing[0] or missing[1]}, have none"
    report.warnings.append(f"{where} has {count_of(len(ids), 'token')}, and the network knows {rows} ids: {which}")


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
