"""Text from strangers, made safe to show: nothing in it reaches the terminal as an instruction, and nothing hides.

What a character is, is decided by its Unicode category, so that no list of ours has to be complete: controls, format
characters (also the joiners of emoji, on whose width terminals disagree), surrogates, private and unassigned ones and
the separators of lines and paragraphs are replaced by signs. So are the few characters that Unicode has drawn as
nothing though they count as letters or marks; a variation selector stays where it belongs to an emoji.
"""

from __future__ import annotations

import re
import unicodedata

_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_DRAWN_AS_NOTHING = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"
"""Letters and marks with the property Default_Ignorable_Code_Point, which `unicodedata` does not know."""
_IGNORABLE = re.compile(f"[{_DRAWN_AS_NOTHING}]")
_EMOJI_STYLES = "\ufe0e\ufe0f"


class _Signs(dict[int, int | str]):
    """What each character is replaced by; found when it is asked for, since there are 1.1 million."""

    def __missing__(self, code: int) -> int | str:
        sign: int | str = code if is_shown(chr(code)) else _sign(code)
        self[code] = sign
        return sign


def is_shown(character: str) -> bool:
    """Say whether a character may be shown as it is, wherever it stands."""
    return unicodedata.category(character) not in _NOT_SHOWN and not _IGNORABLE.match(character)


def visible(text: str) -> str:
    """Return `text` with every character that a terminal obeys or does not show replaced by a visible sign.

    Every string that is shown and was not written by this project goes through here: tokens, file names,
    metadata of models, messages that quote any of them.
    """
    if text.isprintable() and not _IGNORABLE.search(text):
        return text
    if "\ufe0f" in text or "\ufe0e" in text:
        return _STYLED.sub(_styled, text)
    return _replaced(text)


def _styled(found: re.Match[str]) -> str:
    """Leave a variation selector behind a symbol, which it makes an emoji or plain; replace all else."""
    symbol = found[1]
    kept = symbol and unicodedata.category(symbol[0]) in ("So", "Sm", "Po", "Pd")
    return symbol if kept else _replaced(found[0])


def _replaced(text: str) -> str:
    return text.translate(_SIGNS)


def _sign(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)  # ␀ … ␟
    return "␡" if code == 0x7F else f"⟨{code:02x}⟩" if code < 0x100 else f"⟨{code:04x}⟩"


_SIGNS = _Signs()
_STYLED = re.compile(f"([\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff][{_EMOJI_STYLES}])|.", re.DOTALL)
