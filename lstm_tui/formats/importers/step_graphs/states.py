"""Which inputs of a step are what it reads, which are its state, and which output is the state's new value.

A state goes in and comes out in one shape, and is nearly always called so on one side at least. Where shape and name
leave more than one reading, what is taken is said as assumed, and `--set state.NAME=OUTPUT` takes another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.program.graph import ProgramGraph

Shape = tuple[int, ...]
NONE = "none"
_FRACTIONS = (1, 10, 11, 16)
_TRUTH = 9
_BATCH = re.compile(r"(?i).*batch.*|b|n|bs|bsz|.*samples?.*|.*envs?.*|dim_?0|s\d+|unk.*")
_TIME = re.compile(r"(?i).*seq.*|.*time.*|.*step.*|.*len.*|t")
_STATE = re.compile(
    r"(?i)(?:.*[^a-z])?(?:(?:rnn|gru|lstm|hid|hidden|cell|recurrent|ssm|conv)?_?states?|hiddens?|hid|cell|mem|memory|carry|"
    r"cache|buffer|past|recurrent|context|ctx|[hc]x?)(?:[^a-z].*)?"
)
_READ = re.compile(
    r"(?i)(?:.*[^a-z])?(?:x|input|inputs|obs|observations?|frames?|audio|mix|noisy|features?|feats?|tokens?|ids?|word|"
    r"spec|signal|sample|u|image|action)(?:[^a-z].*)?"
)
_SIGN = re.compile(
    r"(?i)(?:.*[^a-z])?(?:(?:not|non|is)_?)?(?:dones?|terminals?|terminate[ds]?|truncate[ds]?|resets?|restarts?|starts?|"
    r"firsts?|begins?|begun|masks?|init|bos|new_?episodes?)(?:[^a-z].*)?"
)
"""What tells that a sequence begins or ends, such as the `done` of a policy: it is read, however its shape is."""
_AFFIXES = re.compile(
    r"(?i)^(?:new|next|prev|previous|past|present|old|last|updated|init|initial|in|out|output|input|final|cur|current)(?=[^a-z]|$)|"
    r"(?<![a-z])(?:new|next|prev|previous|past|present|old|last|updated|init|initial|in|out|output|input|final|cur|current|t|n|tm1|t1)$"
)


@dataclass(frozen=True)
class StateEnds:
    """A state as a program has it: the name that goes in and the name that comes out."""

    old: str
    new: str


@dataclass(frozen=True)
class StepEnds:
    """What goes into a step and comes out.

    Attributes:
        read: Inputs that are read anew at each step.
        states: The states.
        answers: Outputs that are no state.
    """

    read: tuple[str, ...]
    states: tuple[StateEnds, ...]
    answers: tuple[str, ...]


def stem(name: str) -> str:
    """Return a name without what only says that it goes in or comes out."""
    last = re.sub(r"\.\d+\Z", "", name.rpartition("/")[2])
    last = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", last).lower()
    before = ""
    while before != last:
        before = last
        last = re.sub(_AFFIXES, "", last).strip("_.:- ")
    return re.sub(r"(?<=[a-z])(?:0|(?<!hidde)n)\Z", "", re.sub(r"^([hc])x$", r"\1", last)) or last


def find_states(
    graph: ProgramGraph, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape], report: ImportReport,
    by_shape: bool = True,
) -> StepEnds:  # fmt: skip
    """Return what of a program is its state.

    Args:
        graph: The program.
        inputs: The shape of each input of fractions or truths.
        outputs: The shape of each output.
        report: Told what is taken, and decides.
        by_shape: Whether an input that comes out in its shape alone is assumed to be a state.

    Raises:
        UserError: The user says what cannot be.
    """
    pairs = _pairs(graph, inputs, outputs)
    named = any(score >= 1 for _, score in pairs.values())
    taken: dict[str, str] = {}
    unsure: set[str] = set()
    for name, shape in inputs.items():
        fits = [one for one, other in outputs.items() if other == shape and one not in taken.values()]
        if not fits:
            continue
        value, how, why, others = _decision(name, pairs, fits, taken, inputs, named, by_shape)
        if value is None:
            continue
        if (
            how == "inferred"
            and value != NONE
            and pairs.get(name, ("", 0))[1] < 3
            and unsure.intersection(n for n, at in outputs.items() if at == shape)
        ):
            how, why = "assumed", f"{why} that is not assumed to be another's"
        key = f"state.{visible(name)}"
        said = report.choose(key, visible(value), [visible(one) for one in others], how, why)
        chosen = next((one for one in (value, *others) if visible(one) == said), NONE)
        if chosen != NONE:
            taken[name] = chosen
            unsure |= {chosen} if how == "assumed" and key not in report.settings else set()
    read = tuple(name for name in inputs if name not in taken)
    states = tuple(StateEnds(old, new) for old, new in taken.items())
    return StepEnds(read, states, tuple(one for one in outputs if one not in taken.values()))


def could_be_state(name: str, outputs: Sequence[str]) -> bool:
    """Say whether an input is called as a state is, or as an output is."""
    if _is_read(name):
        return False
    return bool(_STATE.fullmatch(name)) or stem(name) in map(stem, outputs)


def _is_read(name: str) -> str:
    """Return what an input that is called so is, where that is no state; empty where its name does not say."""
    if _STATE.fullmatch(name):
        return ""
    if _SIGN.fullmatch(name):
        return "a sign that a sequence begins or ends"
    return "what is read" if _READ.fullmatch(name) else ""


def _pairs(
    graph: ProgramGraph, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]
) -> dict[str, tuple[str, int]]:
    """Return for each input the output that is likely its new value, and how strong that is; each output once."""
    scored = []
    for name, shape in inputs.items():
        alike = [one for one, there in inputs.items() if there == shape]
        fits = [one for one, there in outputs.items() if there == shape]
        for other in fits:
            n, m = alike.index(name), fits.index(other)
            score = 3 * (stem(name) == stem(other) and len(stem(name)) > 0)
            score += 1 * bool(_STATE.fullmatch(name)) + 1 * bool(_STATE.fullmatch(other))
            score -= 3 * bool(_is_read(name))
            scored.append((-score, abs(n - m), n, m, name, other))
    found: dict[str, tuple[str, int]] = {}
    for score, _, _, _, name, other in sorted(scored):
        if name not in found and other not in [one for one, _ in found.values()]:
            found[name] = (other, -score)
    return found


def _decision(
    name: str, pairs: Mapping[str, tuple[str, int]], fits: Sequence[str], taken: Mapping[str, str],
    inputs: Mapping[str, Shape], named: bool, by_shape: bool,
) -> tuple[str | None, How, str, list[str]]:  # fmt: skip
    """Return the output that is taken for the new value of an input, how that is known, why, and what else could be.

    Where another input is `named` as a state, or nothing is told `by_shape`, a shape alone makes none.
    """
    likely, score = pairs.get(name, (fits[0], -1))
    if likely not in fits:
        likely, score = fits[0], -1
    others = [one for one in fits if one != likely]
    if score >= 3:
        return likely, "inferred", "one shape and one name", [*others, NONE]
    if score >= 1 and not others:
        return likely, "inferred", "its name is that of a state, and one output alone has its shape", [NONE]
    if score >= 1:
        return likely, "assumed", "its name is that of a state, and several outputs have its shape", [*others, NONE]
    free = [one for one in inputs if one != name and one not in taken]
    if score == 0 and named:
        return (
            NONE,
            "assumed",
            "its shape is that of an output, and another input is named as the state",
            [likely, *others],
        )
    if score == 0 and not by_shape:
        return NONE, "assumed", "its shape is that of an output, and no name says that it is a state", [likely, *others]
    if score == 0 and free:
        return likely, "assumed", "one shape; no name says more", [*others, NONE]
    if score < 0 and likely:
        return NONE, "inferred", f"its name is that of {_is_read(name) or 'what is read'}", [likely, *others]
    return None, "assumed", "", []


def sizes_of_inputs(graph: ProgramGraph, report: ImportReport) -> dict[str, tuple[int | None, ...]]:
    """Return the shape of each input for one sequence and one step; None where a width is not known.

    Raises:
        UserError: The user says a width that is no number.
    """
    made = {}
    for name, (_, shape) in graph.inputs.items():
        words = graph.axes.get(name, ("",) * len(shape))
        sizes = [_size(size, words[n], n, len(shape)) for n, size in enumerate(shape)]
        key = f"input.{visible(name)}.width"
        if None in sizes and key in report.settings:
            text = report.choose(key, "1", [], "assumed", "the file leaves it free", free=True)
            number = whole_number(text, 1, 1 << 20)
            if number is None:
                raise UserError(f"{report.file}: --set {key}={visible(text[:40])} is no whole number such as 512")
            sizes = [number if one is None else one for one in sizes]
        made[name] = tuple(sizes)
    return made


def _size(size: int | None, word: str, axis: int, axes: int) -> int | None:
    if size is not None:
        return size
    if _BATCH.fullmatch(word) or (_TIME.fullmatch(word) and axis < axes - 1) or axes == 1 or axis == 0:
        return 1
    return None if axis == axes - 1 else 1


def is_fraction(kind: int) -> bool:
    """Say whether an input holds fractions or truths, not whole numbers."""
    return kind in (*_FRACTIONS, _TRUTH)
