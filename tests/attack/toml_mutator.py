"""Changes of a TOML file as a tree: keys, values, types, nesting; written back by a small writer."""

from __future__ import annotations

import copy
import datetime
import json
import math
import random
import tomllib
from typing import Any

NASTY: tuple[Any, ...] = (
    True, False, 0, -1, 1, 255, 2**31, 2**63, -(2**63), 10**400, 1e308, -0.0, 1e-320, 0.5, math.nan, math.inf,
    -math.inf, "", " ", "x", "\x1b[2J", "a\nb", "\u202e", "\x00", "../../etc/passwd", "lstm", "h", "W_f", "9" * 400,
    "(" * 400, "-" * 9000, "a" * 70_000, [], {}, [[]], [{}], [1, "a"], {"": 0}, {"a.b": {"c": 1}}, [1] * 1000,
    datetime.date(1, 1, 1), datetime.time(23, 59, 59), datetime.datetime(9999, 12, 31, tzinfo=datetime.UTC),
)  # fmt: skip
_DEEP = 200  # levels: Python's own reader stands some more
_DEEPEST = 220  # with what it was put into: a deep value in a deep value is too deep to be written here


def is_toml(data: bytes) -> bool:
    """Say whether a file is TOML that says something."""
    return bool(_tree(data))


def of_toml(data: bytes, rng: random.Random) -> bytes:
    """Change one to four places of the tree."""
    tree = _tree(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        changed = _changed(tree, rng)
        tree = changed if _depth(changed) <= _DEEPEST else tree
    return as_toml(tree).encode("utf-8", "surrogatepass")


def _tree(data: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError):
        return {}


def _changed(tree: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    tree = copy.deepcopy(tree)
    places = list(_places(tree))
    if not places:
        return {"x": rng.choice(NASTY)}
    holder, key = rng.choice(places)
    at = holder[key]
    other_holder, other_key = rng.choice(places)
    other = copy.deepcopy(other_holder[other_key])
    what = rng.randrange(10)
    if what == 0:
        del holder[key]
    elif what == 1:  # another name
        name = rng.choice((str(rng.choice(NASTY))[:300], f"{key}x", f"{key}"[:-1], f"{other_key}"))
        if isinstance(holder, dict):
            holder[name] = holder.pop(key)
        else:
            holder.insert(key, name)
    elif what == 2:  # what stands elsewhere in it
        holder[key] = other
    elif what == 3:
        holder[key], other_holder[other_key] = copy.deepcopy(other), copy.deepcopy(at)
    elif what == 4:
        holder[key] = rng.choice(([at], [at, at], {"x": at}, str(at), [], {}))
    elif what == 5 and isinstance(at, str):
        holder[key] = _text(at, rng)
    elif what == 5 and isinstance(at, (int, float)):
        holder[key] = rng.choice((at + 1, -at, at * 10**9, float(at), str(at), at * 2))
    elif what == 6 and isinstance(holder, dict):  # one more
        holder[rng.choice((f"{key}2", f"{other_key}", "x", "h", "notes"))] = other
    elif what == 7 and isinstance(holder, list):
        holder.insert(key, other)
    elif what == 8 and rng.random() < 0.2:
        deep: Any = at
        for _ in range(rng.choice((5, _DEEP))):
            deep = [deep] if rng.random() < 0.5 else {"a": deep}
        holder[key] = deep
    else:
        holder[key] = copy.deepcopy(rng.choice(NASTY))
    return tree


def _depth(tree: Any) -> int:
    """Return how many levels a value has."""
    levels, at = 0, [tree]
    while at := [one for one in at if isinstance(one, dict | list)]:
        levels += 1
        at = [inside for one in at for inside in (one.values() if isinstance(one, dict) else one)]
    return levels


def _text(text: str, rng: random.Random) -> str:
    """Change a text that may be an equation: a word or a sign dropped, doubled, swapped or put in."""
    words = text.split(" ")
    n = rng.randrange(len(words))
    words[n : n + 1] = rng.choice((
        [], [words[n]] * 2, [words[n], rng.choice(words)], [f"({words[n]})"], [words[n][:-1]],
        [rng.choice(("h", "x", "c", "@", "*", "=", "(", ")", "-", "1e999"))],
        [words[n], rng.choice(("+", "@", "* 0", "/ 0", "- x", "= h", "[0]", "* W_f", "\n"))],
    ))  # fmt: skip
    return " ".join(words)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every value of a tree by what holds it and its key."""
    keys: list[Any] = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    found = [(tree, key) for key in keys]
    for key in keys:
        if isinstance(tree[key], (dict, list)):
            found += _places(tree[key])
    return found


def as_toml(tree: dict[str, Any]) -> str:
    """Write a tree: tables below their headings, and all that is inside of values in one line."""
    return "\n".join(_lines(tree, ())) + "\n"


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> list[str]:
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_below(value)]
    for key, value in table.items():
        if _is_below(value):
            where = ".".join(map(_key, (*path, key)))
            for one in value if isinstance(value, list) else [value]:
                lines += [f"[[{where}]]" if isinstance(value, list) else f"[{where}]", *_lines(one, (*path, key))]
    return lines


def _is_below(value: Any) -> bool:
    """Say whether a value stands below a heading: a table, or tables."""
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)
    )


def _key(key: str) -> str:
    return key if key and key.isascii() and key.replace("_", "").replace("-", "").isalnum() else _quoted(key)


def _quoted(text: str) -> str:
    return json.dumps(text).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        return repr(value) if "." in repr(value) or "e" in repr(value) else f"{value!r}.0"
    return str(value)
