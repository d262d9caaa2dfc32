"""`tokenizer.json` of Hugging Face's library: what it says of its pieces, without running it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.tokenizer import splitter
from lstm_tui.formats.io.files import size_text
from lstm_tui.formats.io.json import encode

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
