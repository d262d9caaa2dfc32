"""Networks of the campaign, frozen with what their own frameworks computed (`python -m tests.campaigns.freeze`)."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from campaigns.verdicts import Case, judged

FOLDER = Path(__file__).parent / "files" / "frozen"
FROZEN = sorted(path for path in FOLDER.iterdir() if path.suffix != ".npz")


def frozen(path: Path) -> tuple[Case, str]:
    """Return a frozen network and what came of it when it was frozen."""
    arrays = dict(np.load(path.with_suffix(".npz")))

    def of(kind: str) -> dict[str, np.ndarray]:
        return {name.removeprefix(kind): one for name, one in arrays.items() if name.startswith(kind)}

    def write(folder: Path) -> Path:
        return Path(shutil.copy(path, folder))

    case = Case(path.stem, write, of("input "), of("output "), of("state "), arrays.get("kept"), str(arrays["told"]))
    return case, str(arrays["verdict"])


@pytest.mark.parametrize("path", FROZEN, ids=lambda path: path.stem)
def test_a_frozen_network_is_right_or_cut_as_it_was(path: Path) -> None:
    if path.suffix not in (".pt", ".pt2"):
        pytest.importorskip("onnx" if path.suffix == ".onnx" else "h5py")
    case, verdict = frozen(path)
    assert judged(case)[0] == verdict, case.told
