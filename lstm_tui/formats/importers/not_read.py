"""Networks in formats that are not read here: what they are, and the way to one that is."""

from __future__ import annotations

from pathlib import Path

_PROGRAM, _BY_KERAS = "saved_model.pb", "keras_metadata.pb"


def way_out(path: str | Path) -> str:
    """Return what a path is and what to do, where it is of a SavedModel of TensorFlow; else nothing.

    Args:
        path: The folder of one, its program, or its variables.
    """
    named = Path(path)
    part = named.name in (_PROGRAM, "variables") or named.name.startswith("variables.")
    folders = (named, named.parent, named.parent.parent)[: 3 if part else 1]
    folder = next((one for one in folders if (one / _PROGRAM).is_file()), None)
    if folder is None:
        return ""
    if (folder / _BY_KERAS).is_file():
        how = "in Python tf_keras.models.load_model loads it, and model.save('model.h5') writes what is"
    else:
        how = "in Python tf.train.load_checkpoint gives its variables, and an .npz of them opens with --map FILE.toml"
    return f"is of a SavedModel of TensorFlow, which is not read; {how}"
