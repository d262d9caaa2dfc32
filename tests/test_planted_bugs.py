"""The planted bugs of `samples/bugs`: each script finds its own in under ten commands, and not in a sound network."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_tui.cli import main
from lstm_tui.formats.inputs.samples import samples_folder

FOLDER = samples_folder() / "bugs"
FOUND = {
    "stuck_gate": (3, ["sat(i) = 1", "after `i = sigmoid(W_i @ x + U_i @ h + b_i)`", "b_i -30"]),
    "wrong_operator": (3, ["after `c = f * c - i * g`", "c[0] = 0.8497 · 0 - 0.2784 · -0.3545 = 0.09869"]),
    "swapped_gates": (3, ["layer0.forward.i: 32 units, keeps", "f: 32 units, writes", "mean(i) < mean(f) ("]),
    "exploding": (3, ["layer0.forward.g[0] topic is inf at t=7", "born in the op U_g·h"]),
    "forget_bias": (0, ["at t=4 “bad”", "  f kept 4 % of it", "b_f -5"]),
}  # fmt: skip
MODELS = {"exploding": ("story.txt", "story")}


def run(script: str, capsys: pytest.CaptureFixture[str], path: Path | None = None) -> tuple[int, str]:
    text, model = MODELS.get(script, ("sample.txt", "sentiment-forward"))
    path = path or FOLDER / f"{script}.ltui"
    code = main(["run", text, "--model", model, "--interpreter", "numpy", "--batch", "-x", str(path)])
    output = capsys.readouterr()
    assert not output.err
    return code, output.out


def test_every_script_is_tried() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(FOUND)


@pytest.mark.parametrize("script", FOUND)
def test_the_bug_is_found_in_under_ten_commands(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = run(script, capsys)
    expected_code, expected = FOUND[script]
    assert code == expected_code
    for each in expected:
        assert each in said
    hunt = (FOLDER / f"{script}.ltui").read_text().partition("# --- the hunt")[2].splitlines()[1:]
    assert 0 < len([line for line in hunt if line and not line.startswith("#")]) < 10


@pytest.mark.parametrize("script", FOUND)
def test_nothing_is_found_where_nothing_is_wrong(
    script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hunt = (FOLDER / f"{script}.ltui").read_text().partition("# --- the hunt")[2].partition("\n")[2]
    (tmp_path / "hunt.ltui").write_text(hunt)
    code, said = run(script, capsys, tmp_path / "hunt.ltui")
    if script == "swapped_gates":
        assert "layer0.forward.f: 32 units, keeps" in said
        assert "layer0.forward.i: 32 units, writes" in said
    else:
        assert code == 0  # no breakpoint stopped it
    assert "b_i -30" not in said
    assert "b_f -5" not in said
    assert ("every number of this run is finite" in said) == (script == "exploding")
