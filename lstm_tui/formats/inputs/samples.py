"""The samples that ship with the program, found by their bare name from any folder."""

from __future__ import annotations

from pathlib import Path

from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.formats.io.files import STANDARD_INPUT, label

DEFAULT = "sample.txt"
_PACKAGE = Path(__file__).parents[2]


def samples_folder() -> Path:
    """Return the folder of the samples: inside an installed package, beside the package in a checkout."""
    inside = _PACKAGE / "samples"
    return inside if inside.is_dir() else _PACKAGE.parent / "samples"


def sample_names() -> list[str]:
    """Return the names of the shipped samples."""
    folder = samples_folder()
    return sorted(path.name for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def find_input(name: str) -> Path:
    """Return the path of an input: the file itself, or the shipped sample of that bare name.

    Raises:
        UserError: There is neither; the message names the shipped sample that is most alike.
    """
    path = Path(name)
    if name == STANDARD_INPUT or _there(path):
        return path
    known = sample_names()
    if name in known:
        return samples_folder() / name
    alike = nearest(path.name, known)
    advice = f"did you mean {alike}, which comes with lstm-tui?" if alike else "check the name and the folder"
    raise UserError(f"{label(name)}: no such file; {advice}")


def _there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # a name too long, a folder that may not be entered: reading it says so
        return True
    return True
