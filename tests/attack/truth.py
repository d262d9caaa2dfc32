"""Poisoned weights and edits across every verb: what is said of numbers is true, or it is said to be not known.

Each round builds a small network of a random cell, poisons some of its weights, makes random edits and types every
verb at it, with NumPy's warnings as errors. What comes back is judged against the trace by plain definitions written
here: truths, words about gradients and units, sums, and what wins.
"""

from __future__ import annotations

import itertools
import math
import random
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, localcontext

import numpy as np

from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.debugger.commands.console import TypedSession
from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.debugger.scripting import OPENING
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.documents.markdown import markdown
from lstm_tui.documents.report.report import content
from lstm_tui.documents.report.selection import ReportSelection
from lstm_tui.documents.worksheet.layout import page_of
from lstm_tui.documents.worksheet.worksheet import sheet_of
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import PassTrace

from . import said_again
from .harness import Clock, Tally

PROMISE = 5
TRIES = "poisoned weights and edits, every verb, report and worksheet: sums and verdicts taken again"
WORDS = ("<unk>", "the", "movie", "was", "not", "bad", "good")
POISON = (math.nan, math.inf, -math.inf, 1e30, -1e30, 1e-42, 0.0)
NEVER = {"quit", "source", "generate", "line"}
"""Verbs that leave, read other files, or take long: other harnesses have them."""
EDITS = (
    "set {v}[{u}] @ {t} = inf", "set {v}[{u}] @ {t} = -1e30", "set {v}[{u}] @ {t} = 0", "scale {v}[{u}] @ {t} * 0",
    "scale {v}[{u}] @ : * 1e30", "let {v} = 0", "let {v} = 1", "let {v} = {v} - {v}", "let {v} = 20",
    "delete {t}", 'insert {t} "bad"', 'replace {t} "good"', "set x[0] @ {t} = 1e30",
)  # fmt: skip
QUESTIONS = (
    "mean({v}) > 0", "not (mean({v}) > 0)", "any({v} > .5)", "all({v} < .5)", "{v}[{u}] == {v}[{u}]", "isnan({v}[{u}])",
    "sum({v} > 0) >= 1", "max({v}) > min({v})", "argmax({v}) == 0", "norm({v}) >= 0", "prev(mean({v})) > mean({v})",
    'share("not") >= 0', 'share("not") < .3', "{v}[{u}] < {v}[t-1][{u}] or t == 0",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One poisoned network, and everything that is typed at it; the seed makes it again."""

    seed: int

    def network(self) -> Network:
        """Return the network."""
        chance = random.Random(self.seed)
        directions = chance.choice([["forward"], ["forward"], ["backward"], ["forward", "backward"]])
        cell = chance.choice(cell_names())
        spec = {
            "name": "poisoned",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
            "embedding_size": 4,
            "layers": [{"cell": cell, "hidden_size": 4, "directions": directions, "sizes": _sizes(cell)}],
            "readout": chance.choice(["dense", "mean", "linear", None]),
            "classes": ["negative", "positive"],
        }
        if spec["readout"] is None:
            del spec["classes"]
        elif directions == ["forward"] and chance.random() < 0.3:  # a language model
            spec |= {"readout": "linear", "classes": list(WORDS)}
        network = build_network(spec, seed=self.seed)
        tensors = sorted(network.tensors().items())
        for _ in range(chance.choice([0, 1, 1, 2, 4])):
            _, tensor = chance.choice(tensors)
            if tensor.size:
                tensor.flat[chance.randrange(tensor.size)] = chance.choice(POISON)
        if chance.random() < 0.2:
            for name, tensor in tensors:
                tensor[...] = tensor * chance.choice([10.0, 1e5, 1e-3]) if "/U_" in name else tensor
        return network

    def session(self) -> TypedSession:
        """Return a session on a text of its words."""
        chance = random.Random(f"text {self.seed}")
        network = self.network()
        assert network.tokens is not None
        tokens = tuple(chance.choice(WORDS[1:]) for _ in range(chance.choice([1, 2, 9, 9, 12])))
        ids, unknown = network.tokens.encode(tokens)
        return TypedSession.open(Source(network, [Sequence("words", tokens, ids=ids, unknown=unknown)]))

    def lines(self, session: Session) -> Iterator[str]:
        """Yield what is typed: questions, edits and every verb by its example, in an order of its own."""
        chance = random.Random(f"lines {self.seed}")
        examples = [
            verb.example or verb.usage.split(" [")[0]
            for verb in VERBS
            if verb.name not in NEVER and verb.name not in OPENING and not verb.touches_files
        ]
        kinds = [*(chance.choice(EDITS) for _ in range(chance.choice([0, 1, 3]))), *examples, *QUESTIONS, *QUESTIONS]
        chance.shuffle(kinds)
        for kind in kinds:
            passed = session.frame.passed
            value = chance.choice(passed.cell.values)
            t = chance.randrange(session.frame.steps)
            text = kind.replace("{v}", value).replace("{t}", str(t))
            text = text.replace("{u}", str(chance.randrange(max(passed[value].shape[1], 1))))
            yield f"{chance.choice(['print', 'break', 'assert'])} {text}" if kind in QUESTIONS else text
            if chance.random() < 0.3:
                yield f"who {chance.choice(['mean', 'max', 'min', 'sum'])}({value})"
                yield f"print {value}[{chance.randrange(max(passed[value].shape[1], 1))}]"
        yield from ("health", "reach", "continue", "info break", "surprise")


def _sizes(cell: str) -> dict[str, int]:
    return {"P": 4} if cell == "lstm_projected" else {}


def _report(session: Session) -> str:
    return content(session, ReportSelection(standing=True)).decode()


def _sheet(session: Session) -> str:
    trace = session.frame.trace
    return markdown(page_of(sheet_of(trace, range(min(3, len(trace.sequence))), 3), False))


PAGES = {"report page": _report, "worksheet page": _sheet}
"""Pages that are made of every case at its end."""


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Try cases until the time is over."""
    tally = Tally()
    while clock or not tally.inputs:
        case = Case(rng.randrange(10**9))
        for kind, seen, line in tried(case, tally):
            tally.found(kind, f"{line!r}: {seen}", str(case.seed))
    tally.figures = {"answers not known": str(tally.tried["answer not known"])}
    return tally


def again(case: str) -> str:
    """Try one case again."""
    return "\n".join(f"{kind}: {line!r}: {seen}" for kind, seen, line in tried(Case(int(case)), Tally()))


def tried(case: Case, tally: Tally) -> Iterator[tuple[str, str, str]]:
    """Type a case and yield what was wrong: its kind, what was seen, and after which line."""
    line = ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            session = case.session()
        except UserError:
            return
        except Exception as error:
            yield f"opening: {type(error).__name__}", str(error), line
            return
        for line in (*case.lines(session), *PAGES):
            tally.tried[line.split()[0]] += 1
            before = session.frame.trace
            try:
                reply = PAGES[line](session) if line in PAGES else session.execute(line)
            except UserError as error:
                reply = str(error)
            except Exception as error:
                yield f"{line.split()[0]}: {type(error).__name__}", str(error), line
                continue
            try:
                wrong = [*judged(session, line, reply, tally), *said_again.changed(session, before, reply)]
            except UserError:
                continue
            for kind, seen in wrong:
                yield kind, seen, line
        tally.tried["a trace opened again"] += 1
        try:
            for kind, seen in said_again.reopened(session):
                yield kind, seen, "a trace opened again"
        except Exception as error:
            yield f"a trace opened again: {type(error).__name__}", str(error), "a trace opened again"


def judged(session: Session, line: str, reply: str, tally: Tally) -> Iterator[tuple[str, str]]:
    """Yield every sentence of a reply that is false."""
    word, _, rest = line.partition(" ")
    if word == "print" and reply.startswith(f"{rest} = "):
        yield from _truths(session, rest, reply, tally)
    if word == "assert" and rest.startswith("not (mean("):
        yield from _asserted(session, rest, reply)
    if word == "who":
        yield from said_again.who(session, rest, reply)
    if word == "reach":
        yield from _reach(session, session.frame.steps - 1 if rest == "end" else session.frame.t, reply)
    if word == "health":
        yield from _health(session, reply)
    if word == "surprise":
        yield from _surprise(reply)
    if line == "report page":
        yield from _says(session, reply)
    if line == "worksheet page":
        yield from _worksheet(reply)
    yield from _sums(reply)
    for nonsense in ("nan times", "nan %", "+nan: ", "moved by nan", "moved by +nan"):
        if nonsense in reply:
            yield "a number that is none is told as one", reply


# --- truths ---


def _truths(session: Session, text: str, reply: str, tally: Tally) -> Iterator[tuple[str, str]]:
    expected = _meant(session, text)
    if expected is None:
        return
    said = reply.splitlines()[0].removeprefix(f"{text} = ").split("   (")[0].split(";")[0]
    tally.tried["answer not known" if said.startswith("not known") else "answer true or false"] += 1
    if not (said == expected or (expected == "not known" and said.startswith("not known"))):
        yield "a truth is not what it is by its definition", f"{reply}: by the numbers {expected}"


def _meant(session: Session, text: str) -> str | None:
    """Return what a question is at the place where the session stands, by a formula of its own; None for others."""
    passed, t = session.frame.passed, session.frame.t
    found = re.fullmatch(r"(not \()?mean\((\w+)\) > 0\)?", text)
    with np.errstate(all="ignore"):
        if found:
            mean = float(np.mean(_row(passed, found[2], t)))
            return _word(mean, mean > 0, bool(found[1]))
        found = re.fullmatch(r"(any|all)\((\w+) ([<>]) \.5\)", text)
        if found:
            row = _row(passed, found[2], t)
            units = [None if v != v else (v > 0.5 if found[3] == ">" else v < 0.5) for v in row.tolist()]
            decides = found[1] == "any"
            if decides in units:
                return "true" if decides else "false"
            return "not known" if None in units else "false" if decides else "true"
        found = re.fullmatch(r"isnan\((\w+)\[(\d+)\]\)", text)
        if found:
            return "true" if math.isnan(_row(passed, found[1], t)[int(found[2])]) else "false"
        found = re.fullmatch(r"norm\((\w+)\) >= 0", text)
        if found:
            return "not known" if np.isnan(_row(passed, found[1], t)).any() else "true"
        found = re.fullmatch(r"sum\((\w+) > 0\) >= 1", text)
        if found:
            row = _row(passed, found[1], t)
            return "not known" if np.isnan(row).any() else "true" if (row > 0).any() else "false"
        found = re.fullmatch(r"argmax\((\w+)\) == 0", text)
        if found:
            row = _row(passed, found[1], t)
            return "not known" if np.isnan(row).any() else "true" if row.argmax() == 0 else "false"
    return None


def _row(passed: PassTrace, value: str, t: int) -> np.ndarray:
    return np.array(passed[value][t], np.float64)


def _word(number: float, holds: bool, turned: bool) -> str:
    return "not known" if math.isnan(number) else "true" if holds != turned else "false"


def _asserted(session: Session, text: str, reply: str) -> Iterator[tuple[str, str]]:
    found = re.fullmatch(r"not \(mean\((\w+)\) > 0\)", text)
    if not found:
        return
    passed = session.frame.passed
    with np.errstate(all="ignore"):
        means = [float(np.mean(_row(passed, found[1], t))) for t in range(passed.steps)]
    word = "fails" if any(mean > 0 for mean in means) else "not known" if any(map(math.isnan, means)) else "holds"
    if word not in reply:
        yield "an assertion is judged otherwise than its steps", f"{reply}: by the numbers it {word}"


# --- gradients and units ---


def _reach(session: Session, t: int, reply: str) -> Iterator[tuple[str, str]]:
    found = long_memory(session.frame.passed, t)
    for reach in dict.fromkeys((found.memory, found.output)):
        size = reach.size
        bad = [step for step in range(len(size)) if not math.isfinite(size[step])]
        known = size[bad[-1] + 1 :] if bad else size
        name = "C" if reach.value == "c" else reach.value
        mine = [line for line in reply.splitlines() if f"∂{name} " in line and ":" in line]
        for line in mine:
            truth = {
                "vanishes": any(v < 0.01 for v in known),
                "explodes": any(v > 100 for v in known),
                "fades": len(known) > 0 and 0.01 <= known[0] < 0.3,
                "grows": len(known) > 0 and 10 < known[0] <= 100,
                "holds": len(known) > 0 and 0.3 <= known[0] <= 10,
            }
            for word, holds in truth.items():
                if f"∂{name} {word}" in line and not holds:
                    yield f"a gradient {word} and does not", f"{line}: {size}"
        if bad and not any("not known" in line for line in reply.splitlines()):
            yield "a gradient that is no number is not said to be not known", f"{reply}: {size}"


def _health(session: Session, reply: str) -> Iterator[tuple[str, str]]:
    for name, passed in session.frame.trace.items():
        if passed.cell.output not in passed:
            continue
        output = passed[passed.cell.output].astype(np.float64)
        largest = [
            max((abs(v) for v in column), key=lambda v: math.inf if v != v else v) for column in output.T.tolist()
        ]
        tame = [v for v in largest if math.isfinite(v) and v <= 1e6]
        told: dict[int, set[str]] = {}
        here = False
        for line in reply.splitlines():
            if not line.startswith(" "):
                here = line.startswith(f"{name}:")
            elif here and (found := re.match(r"  unit +(\d+)(?: \w+)?  (.*)", line)):
                told.setdefault(int(found[1]), set()).add(found[2])
        sound = any(line.startswith(f"{name}: all ") for line in reply.splitlines())
        for unit, size in enumerate(largest):
            words = " / ".join(told.get(unit, ()))
            state = (
                "is not finite" if not math.isfinite(size)
                else "explodes" if size > 1e6
                else "never active" if size <= 0.01 * max(tame) * (1 - 1e-6) else ""
            )  # fmt: skip
            complete = f"{name}:" in reply and "more" not in reply
            if state and sound:
                yield "all units are said to act", f"{name} unit {unit} {state}: {reply}"
            if state and complete and state not in words:
                yield f"a unit that {state} is not said to", f"{name} unit {unit}, {size}: {reply}"
            for word in ("is not finite", "explodes", "never active"):
                if (
                    word in words
                    and word != state
                    and not (word == "never active" and size <= 0.01 * max(tame) * 1.001)
                ):
                    yield f"a unit {word} and does not", f"{name} unit {unit}, {size}: {words}"


def _surprise(reply: str) -> Iterator[tuple[str, str]]:
    rows = [float(found[1]) for line in reply.splitlines() if (found := re.match(r" +(\S+)  t=", line))]
    said = re.search(r"perplexity (\S+)", reply)
    if rows and said and math.isnan(sum(rows)) != (said[1] == "not"):
        yield "a perplexity of no numbers", reply


def _says(session: Session, page: str) -> Iterator[tuple[str, str]]:
    found = re.search(r"(?:It says|After the last token it says) ([^.,;<]+)", page)
    trace = session.frame.trace
    values = trace.result if trace.output is None else trace.output[-1]
    if not found or values is None:
        return
    best = None if np.isnan(values).any() else trace.classes[int(np.argmax(values))]
    if found[1].startswith("what is not known") != (best is None) or (best is not None and found[1] != best):
        yield "a report names a class that does not win", f"{found[0]}: {values}"


# --- sums ---

_FIGURE = re.compile(r"\d+(?:\.\d+)?")


def _worksheet(page: str) -> Iterator[tuple[str, str]]:
    """Take every sum of a worksheet again, exactly: `f[0] = σ(0.5 × 1.0 + 0.2)` and below it `= σ(0.700)`."""
    lines = page.splitlines()
    for above, below in itertools.pairwise(lines):
        first = re.match(r"(?:\S+|) += ([a-zσ√]*)\(?([-−+×/ ().\d]+?)\)?$", above)
        second = re.match(r" += ([a-zσ√]*)\(?([−\d.]+)\)?$", below)
        if not first or not second or first[1] != second[1] or not re.search("[×+]", first[2]):
            continue
        again = _exactly(first[2])
        printed = Decimal(second[2].replace("−", "-"))
        with localcontext(prec=200):  # a small sum has more places than three
            wrong = again is not None and again.quantize(printed, ROUND_HALF_UP) != printed
        if wrong:
            yield "a sum of a worksheet is not the sum of its terms", f"{above} / {below}: it is {again}"


def _exactly(text: str) -> Decimal | None:
    python = _FIGURE.sub(lambda found: f"D('{found[0]}')", text.replace("×", "*").replace("−", "-"))
    try:
        with localcontext(prec=200):
            found = eval(python, {"D": Decimal, "__builtins__": {}})
    except (SyntaxError, ArithmeticError):
        return None
    return found if isinstance(found, Decimal) else None


_SUM = re.compile(r"^\s*\S+ = ([^=]+) = (-?inf|nan|-?[\d.]+(?:e[+-]?\d+)?)$")
_TERMS = re.compile(r"(?:[-+·*/ ()]|nan|inf|\d[\d.]*(?:e[+-]?\d+)?)++")  # possessive: a vector is refused at once
_NUMBER = re.compile(r"nan|inf|\d[\d.]*(?:e[+-]?\d+)?")


def _sums(reply: str) -> Iterator[tuple[str, str]]:
    """Take every line `c[0] = 0.5 · 2 + 1 · -3 = -2` again from its printed numbers.

    It has to come out as near as the printed places can decide.
    """
    for line in reply.splitlines():
        found = _SUM.match(line)
        if not found or not _TERMS.fullmatch(found[1]) or not _NUMBER.search(found[1]):
            continue
        total, again = float(found[2]), _taken(found[1], 1.0)
        if again is None or again == total or (math.isnan(again) and math.isnan(total)):
            continue
        sizes = [abs(float(number)) for number in _NUMBER.findall(found[1])]
        if not all(map(math.isfinite, (*sizes, again))) or max(sizes) > 1e15:
            continue  # beyond what the printed places can decide
        moved = [_taken(found[1], by) for by in (0.999, 1.001)]
        room = 4e-3 * max(1.0, *sizes) * max(1.0, *(abs(one) for one in moved if one is not None))
        if not abs(again - total) <= room:
            yield "a sum is not the sum of its terms", f"{line}: it is {again:.6g}"


def _taken(text: str, by: float) -> float | None:
    numbers = _NUMBER.sub(lambda found: f"(np.float64('{found[0]}') * {by})", text.replace("·", "*"))
    try:
        with np.errstate(all="ignore"):
            return float(eval(numbers, {"np": np, "__builtins__": {}}))
    except (SyntaxError, TypeError):
        return None
