"""Numbers as text: every style over every float, and no other module that writes a float by itself."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import lstm_tui
from lstm_tui.engine.number_text import (
    LEAST_WIDTH,
    axis_end,
    axis_places,
    change,
    compact,
    coordinate,
    exact,
    fixed,
    from_to,
    grouped,
    percent,
    printed,
    read_number,
    sentence,
    sentences,
    written_out,
)

ROOT = Path(lstm_tui.__file__).parent
AWKWARD = (
    0.0, -0.0, 5e-324, -5e-324, 1e-310, 1e-45, 0.00094999, 0.00095, 0.0009501, 0.0094999, 0.0095, 0.005, 0.0049999,
    0.995, 0.9951, 9.9949, 9.995, 99.949, 99.95, 9999.49, 9999.5, 99999.5, 999999.5, 9.5e9, 9.5e-10, 9.5e99, 9.5e-99,
    1e30, 1e-30, 1e300, 1e308, 1.7976931348623157e308, 3.4028234663852886e38, math.nan, math.inf,
)  # fmt: skip
FLOATS = st.one_of(
    st.floats(),
    st.floats(width=32),
    st.floats(-20, 20),
    st.sampled_from(AWKWARD),
    st.sampled_from(AWKWARD).map(float.__neg__),
)
FINITE = FLOATS.filter(math.isfinite)
STYLES: dict[str, Callable[[float], str]] = {
    "compact": compact,
    "compact signed": lambda value: compact(value, sign=True),
    "column": lambda value: compact(value, places=2),
    "column signed": lambda value: compact(value, sign=True, places=2),
    "column of 3 places": lambda value: compact(value, 6, True, places=3),
    "column of 4 places": lambda value: compact(value, 7, True, places=4),
    "compact 6": lambda value: compact(value, 6),
    "compact 7 signed": lambda value: compact(value, 7, True),
    "sentence": sentence,
    "sentence 2": lambda value: sentence(value, 2),
    "change": change,
    "fixed": fixed,
    "fixed 0": lambda value: fixed(value, 0),
    "fixed 3 signed": lambda value: fixed(value, 3, True),
    "printed": printed,
    "printed signed": lambda value: printed(value, 2, True),
    "exact": exact,
    "axis end": axis_end,
}


def read(text: str) -> float:
    """Read what any style wrote, as a person would; of `~0` it is known that it is not 0."""
    if text[0] == "~":
        return math.copysign(5e-324, -1 if text[1] == "-" else 1)
    if text.lstrip("+-") in ("tiny", "huge"):
        return math.copysign(5e-324 if "tiny" in text else 1e308, -1 if text[0] == "-" else 1)
    return float(text.replace("−", "-").replace("∞", "inf"))


def last_place(text: str) -> float:
    """Return the worth of the last digit that is written; of no number, infinity."""
    found = re.fullmatch(r"[+\-−]?(\d*)\.?(\d*)(?:e([+\-−]?\d+))?", text)
    return math.inf if found is None else 10.0 ** (int((found[3] or "0").replace("−", "-")) - len(found[2]))


@pytest.mark.parametrize("style", STYLES)
@given(value=FLOATS)
def test_sign_zero_and_what_is_not_finite_are_told(style: str, value: float) -> None:
    text = STYLES[style](value)
    if math.isnan(value):
        assert text.lower() == "nan"
    elif math.isinf(value):
        assert read(text) == value
    else:
        number = read(text)
        assert (number > 0) == (value > 0)
        assert (number < 0) == (value < 0)
        assert math.isfinite(number)
        assert value != 0 or style == "exact" or text[0] not in "-−", "no negative zero"


@pytest.mark.parametrize("style", STYLES)
@given(value=FINITE)
def test_it_is_off_by_half_the_last_place_at_most(style: str, value: float) -> None:
    text = STYLES[style](value)
    if text[0] == "~":
        assert abs(value) <= 0.005
    elif "tiny" in text:
        assert abs(value) < 1e-9
    elif "huge" in text:
        assert abs(value) > 9e99
    elif style == "exact":
        assert float(text) == value
    else:
        off, half = abs(Decimal(value) - Decimal(read(text))), Decimal(last_place(text)) / 2
        assert off <= half * Decimal("1.000001") + Decimal("5e-324")


@pytest.mark.parametrize("style", STYLES)
@given(one=FINITE, other=FINITE)
def test_a_larger_number_never_reads_as_a_smaller_one(style: str, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert read(STYLES[style](low)) <= read(STYLES[style](high))


@given(
    value=FLOATS, width=st.integers(1, 12), sign=st.booleans(), infinity=st.sampled_from(["∞", "inf"]), end=FLOATS
)  # fmt: skip
def test_a_compact_number_keeps_its_width(value: float, width: int, sign: bool, infinity: str, end: float) -> None:
    for places in (None, axis_places(abs(end), width)):
        text = compact(value, width, sign, infinity, places)
        assert len(text) <= max(width, 3)
        assert text or width < LEAST_WIDTH - (value >= 0 and not sign)
        if text and math.isfinite(value):
            assert (read(text) == 0) == (value == 0)


@given(values=st.lists(FINITE, min_size=1), width=st.integers(LEAST_WIDTH, 9), sign=st.booleans())
def test_a_column_shares_its_places_and_tells_its_largest(values: list[float], width: int, sign: bool) -> None:
    end = max(map(abs, values))
    places = axis_places(end, width)
    if places is None:
        assert end < 0.02
        return
    for value in values:
        text = compact(value, width, sign, places=places)
        assert abs(value) >= 9.9949 or len(text.partition(".")[2]) == places or text in ("~0", "~+0", "~-0")
    assert compact(end, width, sign, places=places)[0] != "~", "the largest is told"


@given(value=FINITE, figures=st.integers(1, 17))
def test_a_sentence_can_be_typed(value: float, figures: int) -> None:
    assert float(sentence(value, figures)) == pytest.approx(value, rel=0.51 * 10 ** (1 - figures), abs=5e-324)


@given(st.floats())
def test_exact_reads_back_bit_for_bit(value: float) -> None:
    assert np.float64(exact(value)).tobytes() == np.float64(value).tobytes() or math.isnan(value)


@given(st.floats(width=32))
def test_exact_reads_back_in_single_precision(value: float) -> None:
    number = np.float32(value)
    assert np.float32(exact(number)).tobytes() == number.tobytes() or math.isnan(value)
    assert exact(np.float32(0.1)) == "0.1"


@given(FINITE)
@example(0.005)
@example(-0.004)
def test_a_part_that_is_not_nothing_is_not_told_as_nothing(part: float) -> None:
    assert (percent(part) in ("0 %", "-0 %")) == (part == 0)
    assert percent(0.0) == "0 %"
    assert percent(0.124) == "12 %"
    assert percent(float("nan")) == "not known"


@given(st.integers(0, 10**15), st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_counts_and_decimals_are_written_in_full(count: int, number: Decimal) -> None:
    assert int(grouped(count).replace("\u202f", "")) == count
    assert Decimal(written_out(number).replace("−", "-")) == number


@given(FLOATS)
def test_a_coordinate_is_finite(value: float) -> None:
    if math.isfinite(value):
        assert math.isfinite(float(coordinate(value)))
    else:
        with pytest.raises(ValueError, match="no place"):
            coordinate(value)


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (-0.001, ("-.001", "-0.001", "-0.001", "−0.001")),
        (1e-7, ("1e-7", "1e-07", "1e-07", "1e−7")),
        (-1e-300, ("-tiny", "-1e-300", "-1e-300", "−1e−300")),
        (1e300, ("1e300", "1e+300", "1e+300", "1.00e300")),
        (-0.0, (".00", "0", "0.00", "0.000")),
        (-math.inf, ("-∞", "-inf", "-inf", "−∞")),
        (math.nan, ("NaN", "nan", "nan", "NaN")),
        (12.34, ("12.3", "12.34", "12.34", "12.340")),
    ],
)
def test_the_styles_by_example(value: float, texts: tuple[str, ...]) -> None:
    assert (compact(value), sentence(value), fixed(value), printed(value)) == texts


@pytest.mark.parametrize(
    ("value", "sign", "places", "text"),
    [
        (-0.0223, True, 2, "-.02"), (0.14, True, 2, "+.14"), (-0.001, True, 2, "~-0"), (2e-4, True, 2, "~+0"),
        (2e-4, False, 2, "~0"), (0.0049, False, 2, "~0"), (0.0051, False, 2, ".01"), (0.0, True, 2, "+.00"),
        (-0.0, False, 2, ".00"), (12.34, True, 2, "+12.3"), (0.0123, True, 3, "+.012"), (1e-9, False, 3, "~0"),
    ],
)  # fmt: skip
def test_a_column_by_example(value: float, sign: bool, places: int, text: str) -> None:
    assert compact(value, places + 3, sign, places=places) == text


@given(st.floats())
def test_what_is_written_exactly_is_read_as_it_was(number: float) -> None:
    read = read_number(exact(number))
    assert read is not None
    assert math.copysign(1, read) == math.copysign(1, number) or math.isnan(number)
    assert read == number or (math.isnan(read) and math.isnan(number))


@pytest.mark.parametrize("text", ["", "-", "1_0", "1,5", "0x1p3", "one", "1 2", "1e", "½"])
def test_what_is_no_number_is_read_as_none(text: str) -> None:
    assert read_number(text) is None


@pytest.mark.parametrize("written", [fixed, sentence])
@given(before=st.floats(), after=st.floats())
@example(before=0.011, after=0.012)
@example(before=1e-9, after=1.0000001e-9)
@example(before=0.1, after=math.nextafter(0.1, 1))
@example(before=0.0, after=-0.0)
def test_what_moved_is_seen_to_move(written: Callable[[float, int], str], before: float, after: float) -> None:
    was, became = from_to(before, after, 2, written).split(" → ")
    same = before == after or (math.isnan(before) and math.isnan(after))
    assert (float(was) == float(became) or math.isnan(before)) if same else was != became
    if written(before, 2) != written(after, 2):
        assert (was, became) == (written(before, 2), written(after, 2)), "no more places than that needs"


# --- that nobody else writes a number ---

EXEMPT = {
    "engine/number_text.py": "the owner",
    "formats/io/json.py": "the exact numbers of trace files, `nan` and `inf` as their format has them",
}
_FLOATING = re.compile(r"(?:^|[^a-zA-Z])[.,\d+\- #0<>^=]*[eEfFgGn%]$|\.\d+")


def formats_a_float(node: ast.AST) -> bool:
    """Say whether an expression turns a float into text by itself, as far as its form tells."""
    if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
        assert isinstance(node.format_spec, ast.JoinedStr)
        spec = "".join(str(part.value) if isinstance(part, ast.Constant) else "0" for part in node.format_spec.values)
        return bool(_FLOATING.search(spec))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Constant):
        return isinstance(node.left.value, str) and bool(re.search(r"%[-+ #0-9.*]*[eEfFgG]", node.left.value))
    if not isinstance(node, ast.Call):
        return False
    name = dotted(node.func)
    if name == "format" or name.startswith(("np.format_float", "np.array2string", "np.array_str", "np.array_repr")):
        return True
    if name.endswith(".format") and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Constant):
        return bool(re.search(r"\{[^{}]*:[^{}]*[eEfFgG%]\}", str(node.func.value.value)))
    first = node.args[0] if node.args else None
    made = isinstance(first, ast.Call) and dotted(first.func) in ("float", "np.float32", "np.float64", "round")
    return name in ("str", "repr") and made


def dotted(called: ast.expr) -> str:
    """Return the names of what is called, `…` for what is no name."""
    if isinstance(called, ast.Attribute):
        return f"{dotted(called.value)}.{called.attr}"
    return called.id if isinstance(called, ast.Name) else "…"


def offences(text: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(text)):
        if formats_a_float(node):
            yield getattr(node, "lineno", 0)


def test_no_other_module_writes_a_float() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        if str(path.relative_to(ROOT)) not in EXEMPT
        for line in offences(path.read_text(encoding="utf-8"))
    ]
    assert not found, "engine/number_text.py writes numbers"


def test_what_is_exempt_is_there_and_needs_it() -> None:
    for name in EXEMPT:
        assert list(offences((ROOT / name).read_text(encoding="utf-8"))), name


@pytest.mark.parametrize(
    "code",
    [
        'f"{x:.2f}"', 'f"{x:+.3g}"', 'f"{x:>10.3g}"', 'f"{x:g}"', 'f"{x:.0%}"', 'f"{x:.{n}f}"', 'f"{x:,.0f}"',
        '"%.3f" % x', '"{:.2e}".format(x)', "format(x, form)", "repr(float(x))", "str(round(x, 2))",
        "np.array2string(x)", 'f"{x:{w}.2f}"',
    ],
)  # fmt: skip
def test_the_search_finds_every_form(code: str) -> None:
    assert list(offences(code))


@pytest.mark.parametrize(
    "code", ['f"{x:>3}"', 'f"{x:<{width}}"', 'f"{x}"', 'f"{x:3} %"', 'f"{n:,}"', '"{}".format(x)', "str(n)"]
)
def test_the_search_leaves_words_and_counts(code: str) -> None:
    assert not list(offences(code))


@given(st.lists(st.lists(st.floats(), min_size=1, max_size=4), max_size=5), st.integers(1, 6))
@example([[-0.0, 1.7976931348623157e308, math.inf], [math.nan, -5e-324]], 4)
def test_many_numbers_are_written_as_each_is(rows: list[list[float]], figures: int) -> None:
    assert list(sentences(rows, figures)) == [" ".join(sentence(value, figures) for value in row) for row in rows]
