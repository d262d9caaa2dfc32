"""`--json`: one line of JSON from every command that has it, with the numbers that Python gives."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from saved_arrays import savez

import lstm_tui
from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.cli.arguments import whole_parser
from lstm_tui.cli.main import main
from lstm_tui.cli.printing import print_json
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.formats.io.config_file import config_path
from lstm_tui.models import bundled_names

TEXT = "the movie was not bad"
MODEL = "sentiment-forward"


def check_models(found: Any) -> None:
    assert [one["name"] for one in found] == list(bundled_names())
    for one in found:
        network = lstm_tui.load(one["name"])
        assert one["parameters"] == network.parameter_count
        assert len(one["layers"]) == len(network.layers)


def check_cells(found: Any) -> None:
    assert [one["name"] for one in found["cells"]] == list(cell_names())
    for one in found["cells"]:
        assert [each["value"] for each in one["equations"]] == list(load_cell(one["name"]).values)
        assert all(1 <= each["count"] <= math.prod(each["shape"]) for each in one["parameters"].values())


def check_info(found: Any) -> None:
    assert found["lstm-tui"] == lstm_tui.__version__
    assert found["numpy"] == np.__version__


def check_reach(found: Any) -> None:
    trace = lstm_tui.trace(TEXT, model=MODEL)
    reach = long_memory(trace["layer0.forward"], len(trace.sequence) - 1)
    (one,) = found["networks"]
    assert found["tokens"] == list(trace.sequence.tokens)
    assert one["gradient"] == reach.memory.size.tolist()
    assert one["kept"] == present_list(reach.kept_size)
    assert one["words"]


def present_list(array: Any) -> list[float]:
    assert array is not None
    return [float(one) for one in array]


def check_compare(found: Any) -> None:
    one, other = (lstm_tui.trace(TEXT, model=name) for name in (MODEL, "sentiment"))
    assert found["runs"] == [MODEL, "sentiment"]
    assert found["results"] == [np.asarray(trace.result).tolist() for trace in (one, other)]
    for t, row in enumerate(found["tokens"]):
        assert row["outputs"][0] == np.asarray(one.output)[t].tolist()
        assert row["places"] == [t, t]


def check_stats(found: Any) -> None:
    trace = lstm_tui.trace(TEXT, model=MODEL)
    assert found["passes"][0]["steps"] == len(trace.sequence)
    assert found["passes"][0]["gates"]["f"]["mean"] == pytest.approx(
        trace["layer0.forward"]["f"].mean(axis=0).tolist(), rel=1e-4
    )


def check_find(found: Any) -> None:
    (one,) = found["found"]
    assert one["t"] == 0
    assert one["steps"] == found["steps"]


def check_inspect(found: Any) -> None:
    assert Path(found["file"]).name == "tiny.safetensors"
    assert {one["how"] for one in found["facts"]} == {"confirmed"}


def check_check(found: Any) -> None:
    (one,) = found["assertions"]
    assert one == {"assertion": "any(c<9)", "held": 1, "failed": 0, "not_known": 0, "not_asked": 0}
    assert found["failures"] == []


def check_verify(found: Any) -> None:
    assert found["same"] is False
    assert (found["first"]["name"], found["first"]["t"], found["first"]["unit"]) == ("layer0.forward/h", 1, 0)
    assert found["first"]["theirs"] - found["first"]["mine"] == pytest.approx(0.5, abs=1e-6)
    assert found["compared"]["layer0.forward/h"] == pytest.approx(0.5, abs=1e-6)
    assert found["timed_out"] is False


def check_stream(found: Any) -> None:
    assert found["same"] is True
    assert (found["chunks"], found["steps"], found["explanations"]) == (2, 6, [])
    assert found["largest"] < 1e-5


def check_config(said: Any) -> None:
    assert said["file"] == str(config_path())
    assert (said["theme"], said["keys"], said["problems"]) == ("dark", {}, [])


ASKED: dict[str, tuple[str, int, Callable[[Any], None]]] = {
    "models": ("models", 0, check_models),
    "cells": ("cells", 0, check_cells),
    "info": ("info", 0, check_info),
    "config": ("config", 0, check_config),
    "reach": (f"reach t.txt --model {MODEL}", 0, check_reach),
    "compare": (f"compare t.txt --model {MODEL} --model sentiment", 0, check_compare),
    "stats": (f"stats t.txt --model {MODEL}", 0, check_stats),
    "find": (f"find t.txt --model {MODEL} --where c[0]>-9", 0, check_find),
    "inspect": ("inspect tiny", 0, check_inspect),
    "check": ("check t.txt --model tiny --assert any(c<9)", 0, check_check),
    "stream": ("stream S.npz --model forecast", 0, check_stream),
    "verify": ("verify forecast --reference R.npz", 3, check_verify),
}
HAVE_IT = sorted(name for name, parser in whole_parser().commands.items() if "--json" in parser.format_help().split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("json")
    (folder / "t.txt").write_text(f"{TEXT}\n")
    trace = lstm_tui.trace(np.eye(3), model="forecast")
    h = np.array(trace["layer0.forward"]["h"])
    h[1, 0] += 0.5
    once = lstm_tui.trace(np.concatenate([np.eye(3), np.eye(3)]), model="forecast")
    savez(folder / "S.npz", {"input": np.array([np.eye(3)] * 2), "output": np.array(once.output).reshape(2, 3, -1)})
    savez(folder / "R.npz", {"input": np.eye(3), "layer0.forward/h": h})
    return folder


@pytest.mark.parametrize("name", HAVE_IT)
def test_a_command_answers_in_one_line_of_json(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(folder)
    line, code, check = ASKED[name]
    assert main([*line.split(), "--json"]) == code
    said = capfdbinary.readouterr().out
    assert said.count(b"\n") == 1
    assert b"NaN" not in said
    check(json.loads(said))


def test_what_is_no_finite_number_is_null(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json({"a": np.array([1.5, np.nan, np.inf]), "b": (float("-inf"), np.float32(0.5), None, True), 3: "\x1b[2J"})
    said = capfdbinary.readouterr().out
    assert b"\x1b" not in said
    assert json.loads(said) == {"a": [1.5, None, None], "b": [None, 0.5, None, True], "3": "\x1b[2J"}
