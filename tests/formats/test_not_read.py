"""A network in a format that is not read: one line says what it is and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import open_file

PARTS = ("", "saved_model.pb", "variables", "variables/variables.index", "variables/variables.data-00000-of-00001")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("beside", "way"), [("keras_metadata.pb", "load_model"), ("fingerprint.pb", "--map")])
def test_a_saved_model_is_named_by_any_of_its_parts(beside: str, way: str, part: str, tmp_path: Path) -> None:
    (tmp_path / beside).write_bytes(b"\x08\x01")
    (tmp_path / "variables").mkdir()
    for one in PARTS:
        if (named := tmp_path / one).suffix:
            named.write_bytes(b"\x08\x01")
    with pytest.raises(UserError, match="is of a SavedModel of TensorFlow, which is not read") as raised:
        open_file(tmp_path / part)
    assert way in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["saved_model.pb.npz", "model.npz", "folder"])
def test_what_stands_beside_one_is_not(name: str, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "folder").mkdir()
    if name != "folder":
        (tmp_path / name).write_bytes(b"no network")
    with pytest.raises(UserError) as raised:
        open_file(tmp_path / name)
    assert "SavedModel" not in str(raised.value)
