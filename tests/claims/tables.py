"""The tables of what was measured, and the page of a cell, as the documents have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attack.__main__ import LONG_RUN
from mutate.__main__ import CAMPAIGN

from .documents import ROOT
from .facts import measured, parameters


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [f"| {' | '.join(line)} |".replace("|  |", "| |") for line in (heads, *rows)]
    return "\n".join((lines[0], "|---" * len(heads) + "|", *lines[1:])) + "\n"


def _in_short(numbers: Sequence[float] | None) -> str:
    """Return the median of a range as so many times; a dash where there is none."""
    if numbers is None:
        return "–"
    return f"{_of_two_digits(numbers[1])} ×"


def _of_two_digits(number: float) -> str:
    """Return a number with two places behind the point where it is small, and none where it is large."""
    return f"{number:.{2 if number < 10 else 1 if number < 100 else 0}f}"


def speed() -> str:
    """Return how long our LSTM takes, and others as many times as long."""
    others = {
        "torch": "torch `nn.LSTM`", "onnxruntime": "onnxruntime", "openvino": "OpenVINO", "jax": "JAX",
        "torch_gates": "torch, gates kept",
    }  # fmt: skip
    heads = ("H", "lstm-tui, µs", *others.values(), "our gradient, µs", "torch autograd", "of the peak")
    rows = []
    for row in measured("speed")["rows"]:
        if row["network"] == "lstm":
            peers = (_in_short(row["others"].get(name)) for name in others)
            ours, gradient = (_of_two_digits(row[key][1]) for key in ("ours_us", "gradient_us"))
            share = f"{100 * row['of_peak']:.0f} %"
            rows.append((str(row["H"]), ours, *peers, gradient, _in_short(row.get("autograd")), share))
    return _table(heads, rows)


def _by_size(key: str, measurement: str = "speed") -> str:
    """Return a ratio of every network at every size."""
    rows = measured(measurement)["rows"]
    sizes = list(dict.fromkeys(row["H"] for row in rows))
    found = {(row["network"], row["H"]): _in_short(row.get(key)) for row in rows}
    names = dict.fromkeys(row["network"] for row in rows)
    return _table(
        ("H", *map(str, sizes)), ((name, *(found.get((name, size), "–") for size in sizes)) for name in names)
    )


def best_of_others() -> str:
    """Return how many times as long the fastest of the others takes, for every network."""
    return _by_size("best")


def best_as_user() -> str:
    """Return how many times as long the fastest of the others takes where each has the threads it takes by itself."""
    return _by_size("best", "speed as user")


def python_as_user() -> str:
    """Return how many times as long the fastest of the others takes beside a whole run from Python."""
    return _by_size("python", "speed as user")


def autograd_as_user() -> str:
    """Return how many times as long the gradient of PyTorch takes where each has the threads it takes by itself."""
    return _by_size("autograd", "speed as user")


def autograd() -> str:
    """Return how many times as long the gradient of PyTorch takes, for every network."""
    return _by_size("autograd")


def screen() -> str:
    """Return how long the screen takes, beside a bare app."""
    ratios: dict[str, float] = measured("screen")["ratios"]

    def of(start: str, end: str = "") -> str:
        found = [ratio for name, ratio in ratios.items() if name.startswith(start) and name.endswith(end)]
        return f"{min(found):.1f}–{max(found):.1f}"

    rows = [
        ("spawn to the first full frame, beside an app with a header and a footer", f"{ratios['spawn']:.1f}"),
        ("a key to its frame, 95th percentile, beside an app that repaints one heat map", of("key ")),
        ("the first edit to its frame, beside a step, H = 64, T = 100", f"{ratios['edit, the first, frame']:.1f}"),
        ("the same in processor time", f"{ratios['edit, the first, processor']:.1f}"),
        ("an edit of a gate, a weight or a token to its frame, beside a step", of("edit, a ", "frame")),
        ("ledger of 1,000 tokens, beside their run", of("ledger")),
        ("gradient of 1,000 tokens, beside their run", of("gradient")),
    ]
    return _table(("", "ratio"), rows)


def memory() -> str:
    """Return what texts of some lengths take, and the exponents with which that grows."""
    found = measured("memory")
    heads = {
        "frame_ms": "first frame, ms", "step_ms": "step, ms", "whole_s": "all of it, s", "jump_ms": "jump, p99, ms",
        "edit_ms": "edit in the middle, ms", "asked_ms": "attribution, ms", "peak_mb": "peak, MB",
    }  # fmt: skip
    ways = {"one": "forwards", "both": "both ways"}
    rows = []
    for way, name in ways.items():
        mine = [row for row in found["rows"] if row["ways"] == way]
        counts = (f"{row['tokens']:,}".replace(",", " ") for row in mine)
        rows += [
            (name, count, *(_of_two_digits(row[key]) for key in heads)) for count, row in zip(counts, mine, strict=True)
        ]
        grows = next(one for one in found["exponents"] if one["ways"] == way)
        rows.append((name, "exponent", *(f"{grows[key]:.2f}" if key in grows else "–" for key in heads)))
    return _table(("", "tokens", *heads.values()), rows)


def which_cell() -> str:
    """Return how well each cell recalls, with its number of parameters as it is now."""
    found = measured("which cell")
    rows = [[f"`{cell}`", f"{parameters(cell):,}".replace(",", " "), *scores] for cell, *scores in found["rows"]]
    return _table(("cell", "parameters", *map(str, found["distances"])), rows)


def lstm_page() -> str:
    """Return the page of the LSTM, under the name that a file `my.toml` has to have."""
    page = (ROOT / "lstm_tui" / "engine" / "cells" / "lstm.toml").read_text("utf-8")
    own = page.replace('name = "lstm"', 'name = "my"', 1)
    return f"```toml\n{own}```\n"


MEASURED: dict[str, Callable[[], str]] = {
    "speed table": speed, "best table": best_of_others, "best as user table": best_as_user,
    "python as user table": python_as_user, "autograd as user table": autograd_as_user,
    "autograd table": autograd, "screen table": screen, "memory table": memory,
    "which cell table": which_cell, "lstm page": lstm_page, "attack table": lambda: LONG_RUN.read_text("utf-8"),
    "mutate table": lambda: CAMPAIGN.read_text("utf-8"),
}  # fmt: skip
"""What fills each list, by the name that stands in the comments around it."""
