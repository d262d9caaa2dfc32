"""`verify`: the network's file beside what another runtime recorded of it, without leaving the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import NetworkOrigin


@VERBS.verb(
    "verify FILE",
    "compare the network's file with a recording in FILE of the model it came from, and name the reading that "
    "fits if they differ",
    complete=complete_file,
    touches_files=True,
)
def _verify(session: Session, rest: str) -> Iterator[str]:
    if not rest:
        raise UserError(
            'compare with which recording? such as: verify R.npz; `lstm_tui.record(module, x, "R.npz")` makes one'
        )
    origin = session.edited.network.origin
    if not isinstance(origin, NetworkOrigin):
        raise UserError("there is no file of another program to compare: this network was made here")
    if origin.layer is not None:
        raise UserError("one layer of a file is open: open all of it to compare it with a recording")
    return _compared(session, origin, Path(rest).expanduser())


def _compared(session: Session, origin: NetworkOrigin, recording: Path) -> Iterator[str]:
    from lstm_tui.formats.verify.verification import verify

    _, verdict = verify(origin.path, origin.reading, recording, progress=session.work.progress)
    yield from str(verdict).split("\n")
    if verdict.fitting:
        yield "it is given where the file is opened: begin again with it"
    if session.history.active:
        yield "edits have no part in this: what was compared is the file"
