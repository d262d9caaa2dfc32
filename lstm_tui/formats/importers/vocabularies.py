"""Vocabularies and labels that stand in somebody else's file beside its weights: found, weighed, and never guessed.

A list of texts is taken where it has as many as there are ids or outputs; one that is called a vocabulary and has
another size is said, and not used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.tokens import calls_unknown, no_text
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.io.json import decode

Texts = Mapping[int, str]
"""Texts by their numbers, from 0 or with gaps."""
MOST_TEXTS = 2_000_000
_MOST_VALUES = 100_000
_DEEPEST = 64
_LONGEST_JSON = 64 << 20
_LONGEST_TOKEN = 30
_LABELS = re.compile(r"label|class|tag|target|categor|intent", re.IGNORECASE)
_VOCABULARY = re.compile(
    r"vocab|itos|stoi|tokens?\b|alphabet|characters|charset|letters|char(?:s|2|_to)|[2_](?:idx|id|ix|index)\b|"
    r"(?:idx|id|ix|index)(?:2|_to_)|word_?(?:index|dict|map)|dictionary",
    re.IGNORECASE,
)
_COLLECTED = re.compile(r"[<\[].+[>\]]")


def texts_of(value: Any, path: str = "") -> Texts | None:
    """Return texts by their numbers, or None where a value is no list of texts and no table of texts and numbers.

    Args:
        value: A list of texts, a table from texts to whole numbers or back, or, where it is called an alphabet, a text
            whose characters are meant.
        path: What the value is called.
    """
    if isinstance(value, str):
        leaf = re.split(r"[./]", path)[-1]
        alone = len(value) > 1 and _VOCABULARY.search(leaf) and len(set(value)) == len(value) <= MOST_TEXTS
        return dict(enumerate(value)) if alone else None
    if not isinstance(value, Mapping | list | tuple) or not 2 <= len(value) <= MOST_TEXTS:
        return None
    if isinstance(value, list | tuple):
        return dict(enumerate(value)) if all(isinstance(text, str) for text in value) else None
    pairs = [_pair(key, one) for key, one in value.items()]
    known = [pair for pair in pairs if pair is not None]
    numbers = {number for number, _ in known}
    if len(known) < len(pairs) or len(numbers) < len(known) or max(numbers) >= MOST_TEXTS:
        return None
    return dict(sorted(known))


def _pair(key: Any, value: Any) -> tuple[int, str] | None:
    """Return number and text of an entry of a table, whichever of the two comes first."""
    if isinstance(key, str) and type(value) is int and value >= 0:
        return value, key
    if isinstance(value, str) and type(key) is int and key >= 0:
        return key, value
    if isinstance(value, str) and isinstance(key, str) and re.fullmatch(r"0|[1-9]\d{0,8}", key):
        return int(key), value  # as JSON has it, whose keys are texts
    return None


def all_texts(root: Any, children: Callable[[Any], Any] | None = None) -> Iterator[tuple[str, Texts]]:
    """Iterate over the lists and tables of texts inside a value, by their path.

    Args:
        root: Of dictionaries, lists and texts.
        children: Returns what an object of another kind holds, by name, or None where it holds nothing.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, Any, int]] = [("", root, 0)]
    while waiting and len(seen) < _MOST_VALUES:
        path, one, depth = waiting.pop()
        if isinstance(one, str):
            texts = texts_of(one, path)
            if texts is not None:
                yield path, texts
            continue
        inside = children(one) if children is not None else None
        if depth > _DEEPEST or id(one) in seen or not (inside is not None or isinstance(one, dict | list | tuple)):
            continue
        seen.add(id(one))
        if inside is not None:
            waiting.append((path, inside, depth + 1))
            continue
        texts = texts_of(one, path)
        if texts is not None:
            yield path, texts
            continue
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            waiting.append((f"{path}.{key}" if path else str(key), value, depth + 1))


def texts_in_notes(notes: Mapping[str, str]) -> dict[str, Texts]:
    """Return the lists of texts in the notes of a file, by key: JSON, lines, or words between commas."""
    found: dict[str, Texts] = {}
    for key, note in notes.items():
        if len(note) > _LONGEST_JSON:
            continue
        if note.lstrip()[:1] in ("{", "["):
            try:
                content = decode(note.encode("utf-8", "surrogatepass"), key)
            except (UserError, UnicodeError):
                continue  # a note may be anything
            found |= {f"{key}.{path}" if path else key: texts for path, texts in all_texts(content)}
            continue
        lines = note.split("\n") if "\n" in note else note.split(",")
        parts = [one.removesuffix("\r") if "\n" in note else one.strip() for one in lines]
        if "\n" in note and not parts[-1]:
            parts.pop()
        texts = texts_of(parts if len(parts) > 1 else note, key)
        if texts is not None:
            found[key] = texts
    return found


def choose_tokens(lists: Mapping[str, Texts], rows: int, report: ImportReport) -> dict[str, Any] | None:
    """Return how text becomes ids, as a list of texts in the file says, or None where none has the right size.

    Args:
        lists: By path, what stands beside the weights.
        rows: How many ids there are.
        report: Learns what was found, and decides by `vocabulary`.
    """
    distinct: dict[tuple[tuple[int, str], ...], str] = {}
    for path, texts in lists.items():
        if max(texts) == rows - 1 and len(set(texts.values())) == len(texts) and _dense(texts, rows):
            distinct.setdefault(tuple(texts.items()), path)
    if not distinct:
        _say_what_does_not_fit(lists, rows, report)
        return None
    called = [texts for texts, path in distinct.items() if _VOCABULARY.search(path) and not _LABELS.search(path)]
    distinct = {texts: distinct[texts] for texts in (*called, *(one for one in distinct if one not in called))}
    paths = [visible(path) for path in distinct.values()]
    size = len(next(iter(distinct)))
    count = f"{size} texts" if size == rows else f"{size} texts, the last of them {rows - 1},"
    why = f"a list of {count} beside the weights, as many as the table has rows"
    how: How = "inferred" if len(paths) == 1 or len(called) == 1 else "assumed"
    chosen = report.choose("vocabulary", paths[0], [*paths[1:], "none"], how, why)
    if chosen == "none":
        return None
    known = dict(next(one for one, path in distinct.items() if visible(path) == chosen))
    return tokens_of(known, rows, report)


def _dense(texts: Texts, rows: int) -> bool:
    """Say whether few enough numbers are missing for a table of texts to be one of ids."""
    return 2 * len(texts) >= rows


def tokens_of(texts: Texts, rows: int, report: ImportReport, unknown: int | None = None) -> dict[str, Any]:
    """Return the description of tokens whose texts are known.

    Args:
        texts: By their ids; those that are missing are shown as numbers.
        rows: How many ids there are.
        report: Decides by `vocabulary.kind` what a text is split into.
        unknown: The id of what is not known; None where its text has to tell.
    """
    single = all(len(one) <= 1 or _COLLECTED.fullmatch(one) for one in texts.values())
    own, other = ("chars", "words") if single else ("words", "chars")
    kind = report.choose("vocabulary.kind", own, (other,), "inferred", "how long its tokens are")
    return {
        "kind": kind,
        "vocabulary": [texts.get(n, no_text(n)) for n in range(rows)],
        "lowercase": False,
        "unknown": unknown_id(texts, rows, report) if unknown is None else unknown,
    }


def unknown_id(texts: Texts, rows: int, report: ImportReport) -> int:
    """Return the id of what a vocabulary does not hold; where no token is called so, it is assumed to be id 0.

    Args:
        texts: By their ids.
        rows: How many ids there are.
        report: Decides by `vocabulary.unknown`.

    Raises:
        UserError: The user said what is no id.
    """
    named = next((n for n, one in texts.items() if calls_unknown(one)), None)
    first = f" (“{visible(texts[0])[:_LONGEST_TOKEN]}”)" if 0 in texts else ""
    why = f"no token is called <unk>, so words that are not known are read as id 0{first}"
    if named is not None:
        given = report.offer("vocabulary.unknown", str(named), (), free=True)
    else:
        others = tuple(str(n) for n in (1,) if n < rows)
        given = report.choose("vocabulary.unknown", "0", others, "assumed", why, free=True)
    number = whole_number(given, most=rows - 1)
    if number is None:
        raise UserError(f"--set vocabulary.unknown={visible(given)}: is no id from 0 to {rows - 1}")
    return number


def _say_what_does_not_fit(lists: Mapping[str, Texts], rows: int, report: ImportReport) -> None:
    """Say that what is called a vocabulary has another size than the table of ids."""
    called = {path: texts for path, texts in lists.items() if _VOCABULARY.search(path) and not _LABELS.search(path)}
    if not called:
        return
    path, texts = next(iter(called.items()))
    last = f", up to number {max(texts)}" if max(texts) != len(texts) - 1 else ""
    twice = ", some of them twice" if len(set(texts.values())) < len(texts) else ""
    report.say(
        "vocabulary", "not used", "confirmed",
        f"{visible(path)} holds {len(texts)} texts{last}{twice}, and there are {rows} ids; "
        "--vocabulary FILE gives the right one",
    )  # fmt: skip


def choose_classes(
    lists: Mapping[str, Texts], count: int, report: ImportReport, reads_ids: bool = True
) -> tuple[str, ...]:
    """Return names of the outputs, where one list of texts that is called labels has as many as there are outputs.

    Args:
        lists: By path, what stands beside the weights.
        count: How many outputs there are.
        report: Learns what was found.
        reads_ids: Whether the network reads ids; where it does not, a vocabulary is one of its outputs.
    """
    named = {path: texts for path, texts in lists.items()
             if _LABELS.search(path) or (not reads_ids and _VOCABULARY.search(path))}  # fmt: skip
    fitting: dict[tuple[str, ...], str] = {}
    for path, texts in named.items():
        whole = len(texts) == count or (not reads_ids and _dense(texts, count))
        if whole and max(texts) == count - 1 and len(set(texts.values())) == len(texts):
            fitting.setdefault(tuple(texts.get(n, no_text(n)) for n in range(count)), path)
    if len(fitting) == 1:
        ((names, path),) = fitting.items()
        report.say("classes", visible(path), "inferred", f"a list of {len(named[path])} texts beside the weights")
        return names
    if named and not fitting:
        path, texts = next(iter(named.items()))
        why = f"{visible(path)} holds {len(texts)} texts, and there are {count} outputs"
        report.say("classes", "not named", "confirmed", why)
    return ()
