"""The verb that writes what the session shows as a page to hand on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lstm_tui.debugger.session import Session
from lstm_tui.debugger.verbs.file_names import complete_file
from lstm_tui.debugger.verbs.table import VERBS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_OPTION = re.compile(r"\s+(?P<name>steps|units|pass)\s+(?P<value>[\w:,.]+)\s*\Z")


@VERBS.verb(
    "report FILE.html [steps A:B] [units A:B] [pass NAME]",
    "write the run as it stands to a page: tape, gates, memory, ledger and edits; other steps, units or passes of it",
    complete=complete_file,
    touches_files=True,
)
def _report(session: Session, rest: str) -> Iterable[str]:
    from lstm_tui.debugger.report.choice import Wanted, read_units
    from lstm_tui.debugger.report.writing import check_name, write
    from lstm_tui.formats.traces.excerpt import parse_range

    given: dict[str, str] = {}
    while found := _OPTION.search(f" {rest}"):
        if found["name"] in given:
            raise UserError(f"`{found['name']}` is given twice")
        given[found["name"]] = found["value"]
        rest = f" {rest}"[: found.start()].strip()
    if not rest:
        raise UserError("write the report where? such as: report mine.html, or report mine.html steps 0:8")
    check_name(rest)
    wanted = Wanted(
        steps=parse_range(given["steps"], "steps") if "steps" in given else None,
        units=read_units(given["units"], "units") if "units" in given else None,
        passes=tuple(given["pass"].split(",")) if "pass" in given else None,
        standing=True,
        before=f"report {rest} ",
    )
    size = write(session, wanted, Path(rest).expanduser())
    return (f"report written to {visible(rest)}, {size}",)
