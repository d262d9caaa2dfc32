"""What is typed to change how a file is read: refused with the option that does it, and what that option then does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.engine.errors import UserError

torch: Any = pytest.importorskip("torch")
nn = torch.nn
TEXT = "3 1 4 1 5 2"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return the file of a model, and one in which U of its upper layer is transposed, gate by gate."""
    torch.manual_seed(4)
    model = nn.Sequential()
    model.emb, model.rnn, model.fc = nn.Embedding(7, 6), nn.LSTM(6, 6, 2, batch_first=True), nn.Linear(6, 2)
    weights = model.state_dict()
    torch.save(weights, tmp_path / "right.pt")
    name = "rnn.weight_hh_l1"
    weights[name] = weights[name].reshape(4, 6, 6).transpose(1, 2).reshape(24, 6).contiguous()
    torch.save(weights, tmp_path / "turned.pt")
    return tmp_path / "right.pt", tmp_path / "turned.pt"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("set layer1.transposed=recurrent", "begin again with --set layer1.transposed=recurrent"),
        ("set var layer1.transposed = both", "begin again with --set layer1.transposed=both"),
        ("weight layer1.forward/U_f = layer1.forward/U_f.T", "--set layer1.transposed=recurrent"),
        ("weight layer1.forward/U_f = U_f.T", "--set layer1.transposed=recurrent"),
        ("weight layer1.forward/U_f = transpose(layer1.forward.U_f)", "--set layer1.transposed=recurrent"),
        ("set layer1.forward.W_f = layer1.forward.W_f.T", "--set layer1.transposed=input"),
        ("set U_f = U_f.T", "--set layer0.transposed=recurrent"),
        ("weight b_f = b_i.T", "to a number, not to a matrix$"),
    ],
)
def test_what_is_decided_where_a_file_is_opened_is_said_so(line: str, said: str, files: tuple[Path, Path]) -> None:
    session = lstm_tui.session(TEXT, model=str(files[1]))
    with pytest.raises(UserError, match=said):
        session.execute(line)
    assert not session.history.active


@pytest.mark.parametrize(
    "line", ["set c[0] = inf", "set layer1.forward.c[0] = 1", "weight layer1.forward/U_f[0,1] = .5"]
)
def test_an_edit_is_one_as_before(line: str, files: tuple[Path, Path]) -> None:
    session = lstm_tui.session(TEXT, model=str(files[1]))
    session.execute(line)
    assert len(session.history.active) == 1


def test_the_option_that_is_named_reads_the_file_right(files: tuple[Path, Path]) -> None:
    right, turned = (lstm_tui.trace(TEXT, str(one))["layer1.forward"]["h"] for one in files)
    again = lstm_tui.load(str(files[1]), decisions={"layer1.transposed": "recurrent"})
    assert np.abs(right - turned).max() > 1e-3
    np.testing.assert_array_equal(lstm_tui.trace(TEXT, again)["layer1.forward"]["h"], right)
