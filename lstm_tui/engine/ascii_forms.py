"""What our signs become where a terminal or a stream has no way to write them: "->" for an arrow, not its number."""

from __future__ import annotations

import codecs

ASCII_FORMS = {
    "“": '"', "”": '"', "‘": "'", "’": "'", "…": "...", "–": "-", "—": "-", "−": "-", "→": "->", "←": "<-", "↑": "^",
    "↓": "v", "±": "+-", "·": "*", "×": "x", "÷": "/", "√": "sqrt", "∞": "inf", "≈": "~", "≤": "<=", "≥": ">=",
    "≠": "!=", "⟨": "<", "⟩": ">", "‖": "||", "Δ": "d", "∂": "d", "ρ": "rho", "Π": "prod", "Σ": "sum", "σ": "sigmoid",
    "λ": "lambda", "β": "beta", "µ": "u", "₁": "1", "₂": "2", "²": "^2", "³": "^3", "∅": "nothing", "✓": "+", "✗": "x",
    "●": "*", "•": "*", "◆": "*", "▶": ">", "▸": ">", "◀": "<",
    **dict.fromkeys("│┃╎▏▎▍▌", "|"), **dict.fromkeys("─━╌╴╶╸╺", "-"), **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼┯┷┿┏┓┗┛┣┫┳┻╋", "+"),
    **dict.fromkeys("▁▂", "_"), **dict.fromkeys("▃▄░", "."), **dict.fromkeys("▅▆▒", "="), **dict.fromkeys("▇█▓", "#"),
}  # fmt: skip
"""Of each sign, what stands for it in ASCII; those that draw are one character, so that a drawing keeps its columns."""
READABLE = "lstm_tui_readable"
"""Name of the way to write text to a stream that lacks signs: `stream.reconfigure(errors=READABLE)`."""


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(ASCII_FORMS.get(sign) or _by_number(sign) for sign in missing), error.end


def _by_number(sign: str) -> str:
    return sign.encode("ascii", "backslashreplace").decode("ascii")


codecs.register_error(READABLE, _readable)
