"""A network saved by the name of the file: into a copy of its own file, or as a file that describes itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.native import holds, save
from lstm_tui.formats.importers.network_endings import NATIVE
from lstm_tui.formats.importers.open import NetworkOrigin, file_bytes, kind_of
from lstm_tui.formats.io.files import label, replacing
from lstm_tui.formats.write_back.write_back import same_equations, written_back


def save_model(network: Network, path: str | Path, mine: bool = False) -> Iterator[str]:
    """Write a network and yield what was written, in sentences.

    A name that ends as that of its own file is a copy of that with other numbers; one that ends in `.safetensors`
    otherwise describes itself, and takes edited equations too.

    Args:
        network: As it was edited.
        path: The file; it is written whole or not at all, and over another.
        mine: Whether the network's own file was written here since it was opened.

    Raises:
        UserError: Its own file cannot say what was edited, or the name ends otherwise, or it cannot be written.
    """
    where, ending = label(path), Path(path).suffix.lower()
    origin = network.origin
    own = Path(origin.path).suffix.lower() if isinstance(origin, NetworkOrigin) else NATIVE
    if ending not in (own, NATIVE):
        other = "" if own == NATIVE else f", or in {NATIVE}: that describes itself"
        raise UserError(f"{where}: a file of {visible(network.name)} ends in {visible(own)}{other}")
    data = file_bytes(origin.path) if isinstance(origin, NetworkOrigin) and ending == own else None
    if data is None or _rewritten(network, data):
        save(network, path)
        yield f"{where}: a file that describes itself"
        return
    written = written_back(network, mine, data)
    with replacing(path) as stream:
        stream.write(written.data)
    yield from (f"{where}: {line}" for line in written.told())


def _rewritten(network: Network, data: bytes) -> bool:
    """Say whether a network of our own has equations, words or numbers that its file as it is laid out cannot hold."""
    whole = isinstance(network.origin, NetworkOrigin) and network.origin.layer is None
    if not whole or kind_of(data) != "native":
        return False
    return not holds(network, data) or not same_equations(network, data)
