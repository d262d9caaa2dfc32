"""Typed access to JSON from strangers: a field that is missing or of another type is one clear line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_T = TypeVar("_T")
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    bool: "true or false",
}


class Fields:
    """An object of a JSON document.

    Attributes:
        where: What messages call the document, and the place in it.
    """

    def __init__(self, content: Any, where: str, path: str = "") -> None:
        """Wrap a value.

        Raises:
            UserError: It is not an object.
        """
        self.where = where
        self._path = path
        if not isinstance(content, dict):
            raise self.damaged(path or "it", "must be an object")
        self.content: Mapping[str, Any] = content

    def damaged(self, what: str, problem: str) -> UserError:
        """Return the error for a field of this document."""
        return UserError(f"{self.where}: is damaged: {visible(what)} {problem}")

    def get(self, key: str, kind: type[_T]) -> _T:
        """Return a field of a type; true and false are no numbers."""
        value = self.content.get(key)
        if not _is(value, kind):
            raise self.damaged(self._path + key, f"must be {_WORDS[kind]}" if key in self.content else "is missing")
        assert isinstance(value, kind)
        return value

    def maybe(self, key: str, kind: type[_T]) -> _T | None:
        """Return a field of a type, or None where it is null or missing."""
        return None if self.content.get(key) is None else self.get(key, kind)

    def items(self, key: str, kind: type[_T]) -> list[_T]:
        """Return a list whose items are all of one type."""
        values: list[Any] = self.get(key, list)
        for n, value in enumerate(values):
            if not _is(value, kind):
                raise self.damaged(f"{self._path}{key}[{n}]", f"must be {_WORDS[kind]}")
        return values

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        """Return a text that is one of some."""
        value = self.get(key, str)
        if value not in among:
            raise self.damaged(self._path + key, f"is {visible(value[:40])!r}, and must be {' or '.join(among)}")
        return value

    def inside(self, key: str) -> Fields:
        """Return the object of a field."""
        return Fields(self.get(key, dict), self.where, f"{self._path}{key}.")

    def each(self, key: str) -> Iterator[Fields]:
        """Return the objects of a list."""
        for n, value in enumerate(self.get(key, list)):
            yield Fields(value, self.where, f"{self._path}{key}[{n}].")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
