"""A page of HTML that stands alone: it fetches nothing and runs nothing, and no text of a stranger is markup in it.

Its body is well-formed XML too.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from lstm_tui.engine.visible import visible

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""A browser is told to fetch and run nothing, whatever stood in the page."""
_NOT_XML = {0xFFFE: "⟨fffe⟩", 0xFFFF: "⟨ffff⟩"}


class Html(str):
    """Markup; any other text is escaped where it is put into some."""

    __slots__ = ()


def html_of(*parts: str) -> Html:
    """Return parts behind each other: markup as it is, all else as text that nothing obeys."""
    return Html("".join(part if isinstance(part, Html) else _text(part) for part in parts))


def element(name: str, *inside: str, **attributes: str) -> Html:
    """Return an element.

    Args:
        name: Of the element.
        inside: Markup, or text.
        attributes: By name, with `_` for `-` and one at the end that is left out: `class_`, `aria_label`. An empty
            one is left out.
    """
    given = "".join(f' {_attribute(key)}="{_text(value)}"' for key, value in attributes.items() if value)
    return Html(f"<{name}{given}>{html_of(*inside)}</{name}>")


def joined(between: str, parts: Iterable[Html]) -> Html:
    """Return markup with a text between the parts, line breaks too."""
    return Html(escape(between).join(parts))


def document(title: str, style: str, *body: Html) -> str:
    """Return a whole page; the style is ours and holds no `<` or `&`."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_text(title)}</title>\n'
        f"<style>\n{style}\n</style>\n</head>\n<body>\n{html_of(*body)}\n</body>\n</html>\n"
    )


def _text(text: str) -> str:
    return escape(visible(text).translate(_NOT_XML))


def _attribute(key: str) -> str:
    return key.removesuffix("_").replace("_", "-")
