"""What was understood of somebody else's file: every fact with how it is known and what else it could have been."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Literal, cast, get_args

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible

How = Literal["confirmed", "inferred", "assumed", "unknown", "set"]
NOT_RECORDED = "weights alone do not record it"
"""Why what has no weights is assumed; such facts are told in one line, however many they are."""
PLACED = "names, widths and the order in the file say no more"
"""Why it is assumed how parts follow each other; such facts are told in one line too."""
MOST_OFFERED = 24
"""Orders of parts that are offered where several fit: every one of four."""
_NO_PLACE = " is in the file and has no place here"
_NUMBERS = ", so its numbers may be wrong"
_MOST_TOLD = 8
_LONGEST_VALUE = 400


@dataclass(frozen=True)
class Fact:
    """One thing that was understood.

    Attributes:
        key: What it is about, such as `layer0.gate_activation`; `--set KEY=VALUE` decides it where there are others.
        value: What was taken.
        how: `confirmed` (the file says so, and nothing in it speaks against it), `inferred` (from shapes, or from the
            names that a program gives its tensors), `assumed` (the format does not record it, evidence conflicts, or
            names alone choose among readings that fit as well), `unknown` (nothing says what it is) or `set` (the user
            said so).
        why: Where it is known from.
        others: What else it could have been.
        matters: Whether another value gives other numbers.
        against: What in the file speaks against it; while there is any, it is never confirmed.
        together: Why it is assumed, where others are for the same reason and one line tells them all.
    """

    key: str
    value: str
    how: How
    why: str = ""
    others: tuple[str, ...] = ()
    matters: bool = False
    against: tuple[str, ...] = ()
    together: str = ""

    def __post_init__(self) -> None:
        """Hold what is said back to what the evidence allows."""
        if self.against and self.how == "confirmed":
            object.__setattr__(self, "how", "inferred")

    @property
    def warning(self) -> str | None:
        """One line for the screen and the export where nothing in the file decides; else None."""
        if not self.matters or self.how not in ("assumed", "unknown"):
            return None
        if self.how == "unknown":
            return f"{self.key} is not known: {self.why}"
        other = f"; {self.setting} takes another" if self.others else ""
        return f"{self.key} is assumed to be {self.value}: {self.why}{other}"

    @property
    def setting(self) -> str:
        """How its first other value is taken on the command line."""
        said = f"{self.key}={self.others[0]}"
        return f"--set {said}" if re.fullmatch(r"[\w.,=+/:-]+", said) else f"--set '{said}'"


@dataclass(frozen=True)
class TensorFact:
    """What became of one tensor of the file.

    Attributes:
        name: Its name there, safe to show.
        shape: Its shape.
        part: What took it, such as `layer0` or `readout`; empty where nothing did.
        beside: The part it stands beside, where nothing took it; empty where it stands beside none.
    """

    name: str
    shape: tuple[int, ...] = ()
    part: str = ""
    beside: str = ""

    @property
    def text(self) -> str:
        """Its name and shape."""
        return f"{self.name} ({'×'.join(map(str, self.shape)) or 'one number'})"


@dataclass
class ImportReport:
    """Everything that was understood of a file, and how the user decided what it does not say.

    Attributes:
        file: Its name, safe to show.
        format: What kind of file it is.
        settings: What the user decided, by key.
        facts: In the order in which they were found.
        warnings: Further remarks that belong on the screen and in every export.
        unused: Names of tensors that no layer took.
        beside: Hash of what was read from files beside it; empty where nothing was.
        offered: Decisions that a file written by the book never needs; they are not among the facts.
        tensors: What became of every tensor of the file, by name.
        doubts: By subject, such as `layer0` or `readout`: what in the file speaks against how it was understood.
    """

    file: str
    format: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    beside: str = ""
    offered: list[Fact] = field(default_factory=list)
    tensors: dict[str, TensorFact] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)

    def again(self, settings: Mapping[str, str]) -> ImportReport:
        """Return a copy to which more can be added, with further decisions."""
        return replace(
            self,
            settings={**self.settings, **settings},
            facts=list(self.facts),
            warnings=list(self.warnings),
            unused=list(self.unused),
            offered=list(self.offered),
            tensors=dict(self.tensors),
            doubts={subject: list(reasons) for subject, reasons in self.doubts.items()},
        )

    def take(self, other: ImportReport) -> None:
        """Take all that a copy has learned in place of what is here."""
        for name in ("facts", "warnings", "unused", "offered", "tensors", "doubts"):
            setattr(self, name, getattr(other, name))

    def say(self, key: str, value: object, how: How, why: str) -> None:
        """Add a fact that nothing else could have been, unless the user has overruled it."""
        if any(fact.key == key and fact.how == "set" for fact in self.facts):
            return
        self._add(Fact(key, _short(value), how, _short(why)))

    def assume(self, key: str, value: str, why: str) -> None:
        """Add a fact that nothing in the file decides and no setting either, though numbers hang on it: a warning."""
        self._add(Fact(key, _short(value), "assumed", _short(why), matters=True))

    def unknown(self, key: str, why: str) -> None:
        """Add a fact that nothing in the file decides and no setting either: a warning, since numbers hang on it."""
        self._add(Fact(key, "not known", "unknown", _short(why), matters=True))

    def doubt(self, subject: str, reason: str) -> None:
        """Note what speaks against how a subject was understood: none of its facts is or becomes confirmed.

        Args:
            subject: What its keys begin with, such as `layer0` or `readout`.
            reason: What in the file speaks against it; a warning.
        """
        reason = _short(reason)
        if reason in self.doubts.setdefault(subject, []):
            return
        self.doubts[subject].append(reason)
        self.facts = [self._doubted(fact) for fact in self.facts]
        self.unknown(f"{subject}.understood", f"{reason}{_NUMBERS}")

    def warn(self, remark: str, against: str = "program") -> None:
        """Warn of what is not as the file has it: none of the facts of a subject is or becomes confirmed.

        Args:
            remark: The warning, said once.
            against: What the keys of the subject begin with: the program of the file, or a part such as `layer0`.
        """
        remark = _short(remark)
        if remark not in self.warnings:
            self.warnings.append(remark)
            self.doubts.setdefault(against, []).append(remark)
            self.facts = [self._doubted(fact) for fact in self.facts]

    def correct(self, key: str, value: str, how: How, why: str) -> None:
        """Put what came of a subject in place of what was said before it was tried; what else it could be stays."""
        self.facts = [
            self._doubted(replace(one, value=_short(value), how=how, why=_short(why))) if one.key == key else one
            for one in self.facts
        ]

    def use(self, name: str, shape: Sequence[int], part: str) -> None:
        """Note which part took a tensor of the file."""
        self.tensors[name] = TensorFact(_short(name), tuple(shape), part)

    def leave(self, name: str, shape: Sequence[int] = (), beside: str = "", doubtful: bool = True) -> None:
        """Note a tensor that no part takes; beside a part it speaks against how that was understood.

        Args:
            name: Its name in the file.
            shape: Its shape.
            beside: The part it stands beside, such as `layer0`; empty where it stands beside none.
            doubtful: Whether that speaks against the part, as everything does that could change its numbers.
        """
        fact = self.tensors[name] = TensorFact(_short(name), tuple(shape), "", beside)
        if fact.name not in self.unused:
            self.unused.append(fact.name)
        if beside and doubtful:
            self.doubt(beside, f"{fact.text} stands beside it and is not used")

    def _add(self, fact: Fact) -> None:
        self.facts.append(self._doubted(fact))

    def _doubted(self, fact: Fact) -> Fact:
        against = tuple(self.doubts.get(fact.key.split(".")[0], ()))
        return fact if fact.how == "unknown" or not against else replace(fact, against=against)

    def choose(
        self, key: str, value: str, others: Sequence[str], how: How, why: str, matters: bool = True,
        free: bool = False, together: str = "",
    ) -> str:  # fmt: skip
        """Add a fact the user may decide, and return what holds.

        Args:
            key: What it is about.
            value: What is taken unless the user decided.
            others: What else it could be.
            how: How the value is known.
            why: Where from.
            matters: Whether another value gives other numbers.
            free: Whether the user may say something that is not among the others.
            together: Why it is assumed, where one line is to tell all that are for this reason.

        Raises:
            UserError: The user said something else.
        """
        given = self.settings.get(key)
        known = (value, *(other for other in others if other != value))
        if given is None:
            matters = matters and len(known) > 1
            self._add(Fact(key, _short(value), how, _short(why), known[1:], matters, together=together))
            return value
        given = self._check(key, given, known, free)
        rest = tuple(other for other in known if other != given)
        self._add(Fact(key, _short(given), "set", f"the file would have been read as {value}", rest, matters))
        return given

    def offer(self, key: str, value: str, others: Sequence[str], free: bool = False) -> str:
        """Return what holds where the file or its format decides, and yet a converter may have got it wrong.

        It becomes a fact only when the user says otherwise, and then it takes the place of what the file says.

        Args:
            key: What it is about.
            value: What holds unless the user decided.
            others: What else it could be.
            free: Whether the user may say something that is not among the others.

        Raises:
            UserError: The user said something else.
        """
        known = (value, *(other for other in others if other != value))
        self.offered.append(Fact(key, value, "confirmed", others=known[1:]))
        given = self.settings.get(key, value)
        if given == value:
            return value
        given = self._check(key, given, known, free)
        self.facts = [fact for fact in self.facts if fact.key != key]
        why = f"the file would have been read as {value}"
        self.facts.append(Fact(key, _short(given), "set", why, known[:1], matters=True))
        return given

    def recall(self, content: Mapping[str, Any]) -> None:
        """Take what `content` once said of the file a network was converted from; nothing of it can be decided now."""
        facts = content.get("facts")
        for one in facts if isinstance(facts, list) else ():
            given = [one.get(name) for name in ("key", "value", "how", "why")] if isinstance(one, Mapping) else []
            if len(given) == 4 and all(isinstance(text, str) for text in given) and given[2] in get_args(How):
                key, value, how, why = map(_short, given)
                self.facts.append(Fact(key, value, cast(How, how), why))
        for name, kept in (("warnings", self.warnings), ("unused", self.unused)):
            texts = content.get(name)
            kept += [_short(text) for text in texts] if isinstance(texts, list) else []

    def decides(self, key: str) -> bool:
        """Say whether a fact is among those the user may decide."""
        return any(fact.key == key and (fact.others or fact.how == "set") for fact in self.facts)

    def _check(self, key: str, given: str, known: Sequence[str], free: bool) -> str:
        """Return a decision as it is known; spaces in it do not count."""
        meant = [one for one in known if one.replace(" ", "") == given.replace(" ", "")]
        if not meant and not free:
            near = nearest(given, known)
            hint = f"did you mean {near}?" if near else f"it can be {', '.join(known)}"
            raise UserError(f"--set {visible(key)}={visible(given)}: {hint}")
        return meant[0] if meant else given

    def check_settings(self) -> None:
        """Refuse settings that decided nothing.

        Raises:
            UserError: There is such a setting; the nearest key is named.
        """
        known = [fact.key for fact in self.facts if fact.others or fact.how == "set"]
        offered = [fact.key for fact in self.offered]
        for key in self.settings:
            if key not in known and key not in offered:
                near = nearest(key, [*known, *offered])
                hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known) or 'none'}"
                raise UserError(f"{self.file}: --set {visible(key)} decides nothing here{hint}")

    @property
    def remarks(self) -> tuple[str, ...]:
        """Return every warning: what is not known, what is assumed and matters, then further remarks.

        What is assumed for one reason, and what is not known of one subject, is one line.
        """
        warned = [fact for fact in self.facts if fact.warning]
        unknown = [fact for fact in warned if fact.how == "unknown"]
        reasons = {id(fact): fact.together or (NOT_RECORDED if fact.why == NOT_RECORDED else "") for fact in warned}
        alone = [fact.warning for fact in warned if fact.how != "unknown" and not reasons[id(fact)]]
        shared = [
            line for reason in (PLACED, NOT_RECORDED)
            for line in _together([fact for fact in warned if reasons[id(fact)] == reason], reason)
        ]  # fmt: skip
        return tuple(str(one) for one in (*_not_known(unknown), *alone, *shared, *self.warnings))

    def under(self, subject: str) -> Iterator[Fact]:
        """Iterate over the facts of a subject such as `layer0`."""
        return (fact for fact in self.facts if fact.key.split(".")[0] == subject)

    def content(self) -> dict[str, Any]:
        """Return the report as JSON values, to travel with the network."""
        return {
            "file": self.file,
            "format": self.format,
            "facts": [
                {"key": one.key, "value": one.value, "how": one.how, "why": one.why, "others": list(one.others)}
                | ({"against": list(one.against)} if one.against else {})
                for one in self.facts
            ],
            "warnings": list(self.remarks),
            "unused": list(self.unused),
        }


def _together(facts: Sequence[Fact], reason: str) -> list[str]:
    """Return one line for what was assumed for one reason, however many facts that are."""
    if len(facts) < 2:
        return [fact.warning for fact in facts if fact.warning]
    comma = "; " if any(", " in fact.value for fact in facts) else ", "
    each = comma.join(f"{fact.key}={fact.value}" for fact in facts)
    first = next((fact for fact in facts if fact.others), None)
    other = "" if first is None else f"; such as {first.setting} takes another"
    return [f"assumed, since {reason}: {each}{other}"]


def _not_known(facts: Sequence[Fact]) -> list[str]:
    """Return a line for each subject of which something is not known, however much that is."""
    subjects: dict[str, list[str]] = {}
    for fact in facts:
        subjects.setdefault(fact.key, []).append(fact.why)
    lines = []
    for key, reasons in subjects.items():
        if len(reasons) == 1:
            lines.append(f"{key} is not known: {reasons[0]}")
            continue
        told = [reason.removesuffix(_NUMBERS) for reason in reasons]
        numbers = _NUMBERS if any(reason.endswith(_NUMBERS) for reason in reasons) else ""
        left = [reason.removesuffix(_NO_PLACE) for reason in told if reason.endswith(_NO_PLACE)]
        rest = [reason for reason in told if not reason.endswith(_NO_PLACE)]
        if len(left) == 1:
            rest += [left[0] + _NO_PLACE]
        elif left:
            more = f" and {len(left) - _MOST_TOLD} more" if len(left) > _MOST_TOLD else ""
            rest.append(f"{', '.join(left[:_MOST_TOLD])}{more} are in the file and have no place here")
        lines.append(f"{key} is not known: {'; '.join(rest)}{numbers}")
    return lines


def _short(value: object) -> str:
    text = visible(str(value))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"
