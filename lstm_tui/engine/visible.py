"""Text from strangers, made safe to show: nothing in it reaches the terminal as an instruction."""

from __future__ import annotations

_BIDI_AND_SEPARATORS = [
    0x061C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0xFEFF,
    *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFFF9, 0xFFFC),
]  # fmt: skip
_TABLE: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20)},  # ␀ … ␟
    0x7F: "␡",
    **{code: f"⟨{code:02x}⟩" for code in range(0x80, 0xA0)},  # C1 controls
    **{code: f"⟨{code:04x}⟩" for code in _BIDI_AND_SEPARATORS},
    **{code: f"⟨{code:04x}⟩" for code in range(0xD800, 0xE000)},  # lone surrogates cannot be encoded
}


def visible(text: str) -> str:
    """Return `text` with control, bidirectional and separator characters replaced by visible signs.

    Every string that is shown and was not written by this project goes through here: tokens, file names,
    metadata of models, messages that quote any of them.
    """
    return text.translate(_TABLE)
