"""The keys of the full-screen views, once, and those of the user in their place.

A row of this table is named by its view and by the key it has from the start: in a config file `stop` of the view of
attribution, which is `s`, is another key by `[keys.in.attribution]` and below it `s = "x"`. A view is told the keys
that it knows, whatever was pressed: what is pressed is looked up here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cache

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui import keymap

_WALK = "j k g G"
_VIEWS: dict[str, str] = {
    "attention": f"q O {_WALK} h l e s",
    "attribution": f"q r {_WALK} [ ] c s t 1 2 3 4 5 6 7",
    "causes": f"q Y {_WALK} [ ] h l u s",
    "compare": "q n N g G s S [ ] o j k h l p",
    "curves": f"q V {_WALK} [ ] h l n N u U a d",
    "edits": "q u j k c s z Z P",
    "fixed-points": f"q J {_WALK} [ ] h l n N t s",
    "gradients": f"q R {_WALK} [ ] n m x b t",
    "health": f"q H {_WALK} [ ]",
    "lesson-end": "q space j k P",
    "lessons": "q T j k space P",
    "lockstep": "q n N h l g G j k D u U",
    "page": "q p j k T P",
    "stops": "q B j k space e i d delete b w p P",
    "text-by-unit": f"q U {_WALK} h l u",
    "tour": "q space backspace y f5",
    "weights": "q W e r b s h l k j g G [ ] o / d z Z",
}
VIEW_KEYS: dict[str, tuple[str, ...]] = {view: tuple(keys.split()) for view, keys in _VIEWS.items()}
"""The keys of each view, list, page and lesson as they are written; arrows, enter, escape and their like stay."""
_EVERYWHERE = (":", "?", "K")
"""Keys that mean the same in every view; the first where there is a session to type into."""
_SIGN = re.compile(r"esc|enter|tab|backspace|space|delete|home|pgup|pgdn|f[0-9]+|[^\s/]")


@dataclass(frozen=True)
class ViewKeymap:
    """The keys of one view as the user has them.

    Attributes:
        meant: From a key that is pressed to the one that the view knows; both as Textual names them.
        free: Keys that the view knows, and that mean nothing now.
        written: From how a key was written to how the one in its place is.
    """

    meant: Mapping[str, str] = field(default_factory=dict)
    free: frozenset[str] = frozenset()
    written: Mapping[str, str] = field(default_factory=dict)

    def key_for(self, pressed: str) -> str | None:
        """Return the key that a view is to be told for one that was pressed; None where it means nothing now."""
        return self.meant.get(pressed, None if pressed in self.free else pressed)

    def shown(self, text: str) -> str:
        """Return how some keys are written, such as `j/k` or `[]`, as they are now."""
        if text in self.written:
            return self.written[text]
        return _SIGN.sub(lambda found: self.written.get(found[0], found[0]), text)

    def line(self, line: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Return a line of keys, each with a word for what it does, as they are now."""
        return tuple((self.shown(key), word) for key, word in line)


AS_IT_IS = ViewKeymap()


def rebound_views(wanted: Mapping[str, tuple[str, ...]]) -> tuple[dict[str, ViewKeymap], tuple[str, ...]]:
    """Return the keys of the views that have other ones, and what of those cannot be: such a key stays as it was.

    Args:
        wanted: Keys by `VIEW.KEY`, as they are written in a config file; what has no dot is no key of a view.
    """
    problems: list[str] = []
    by_view: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, written in wanted.items():
        view, dot, key = name.partition(".")
        if not dot:
            continue
        if view not in VIEW_KEYS:
            near = nearest(view, VIEW_KEYS)
            hint = f"; did you mean {near}?" if near else f"; there are {', '.join(VIEW_KEYS)}"
            problems.append(f"keys: there is no view `{visible(view[:40])}`{hint}")
        elif key not in VIEW_KEYS[view]:
            problems.append(f"keys: {view} has no key `{visible(key[:20])}`; it has {' '.join(VIEW_KEYS[view])}")
        elif refused := next((f"`{visible(one[:20])}` {why}" for one in written if (why := _why_not(one))), ""):
            problems.append(f"keys: {visible(name)}: {refused}")
        else:
            by_view.setdefault(view, {})[key] = written
    made = {view: _keymap(view, chosen, problems) for view, chosen in by_view.items()}
    return {view: one for view, one in made.items() if one.meant}, tuple(problems)


def _why_not(written: str) -> str:
    if written.strip() in _EVERYWHERE:
        return "means the same in every view, and stays so"
    read = keymap.names_of(written)
    return read if isinstance(read, str) else ""


def _keymap(view: str, chosen: dict[str, tuple[str, ...]], problems: list[str]) -> ViewKeymap:
    """Return the keys of a view, without those of the chosen that two rows would have."""
    while clash := _clash(view, chosen):
        key, other, written = clash
        problems.append(f"keys: {view}.{key} and {view}.{other} both want {visible(written)}; {view}.{key} stays {key}")
        del chosen[key]
    meant = {name: _names(key)[0] for key, keys in chosen.items() for one in keys for name in _names(one)}
    free = frozenset(name for key in chosen for name in _names(key)) - set(meant)
    return ViewKeymap(meant, free, {key: keys[0].strip() or "space" for key, keys in chosen.items()})


def _clash(view: str, chosen: Mapping[str, tuple[str, ...]]) -> tuple[str, str, str] | None:
    """Return a row that was given a key which another row has, that other, and the key."""
    of = {_names(key)[0]: key for key in VIEW_KEYS[view] if key not in chosen}
    for key, keys in chosen.items():
        for one in keys:
            if of.setdefault(_names(one)[0], key) != key:
                return key, of[_names(one)[0]], one
    return None


def _names(written: str) -> tuple[str, ...]:
    read = keymap.names_of(written)
    assert isinstance(read, tuple), written
    return read


@cache
def _in_force() -> dict[str, ViewKeymap]:
    return rebound_views(keymap.chosen)[0]


def keymap_of(view: str) -> ViewKeymap:
    """Return the keys of a view as the user has them; of what is no view, as they are."""
    return _in_force().get(view, AS_IT_IS)
