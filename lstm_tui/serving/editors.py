"""An editor on a port of this computer, instead of on standard input and output."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO

HERE = "127.0.0.1"


def listen(port: int, talk: Callable[[FileIO, BinaryIO], None], say: Callable[[str], None]) -> None:
    """Wait on a port of this computer for one editor of this user, and talk to it.

    Args:
        port: Its number; 0 for a free one.
        talk: Talks to an editor, until it has had enough.
        say: Tells where it waits, and who was refused.

    Raises:
        OSError: The port is taken, or may not be used.
    """
    with socket.create_server((HERE, port)) as server:
        say(f"waits for an editor on {HERE}:{server.getsockname()[1]}; Ctrl-C ends it")
        while True:
            connection, address = server.accept()
            with connection:
                if not _is_mine(address[1]):
                    say("another user of this computer was refused")
                    continue
                with connection.makefile("wb") as writing:
                    talk(FileIO(connection.fileno(), closefd=False), writing)
                return


def _is_mine(port: int) -> bool:
    """Say whether a connection from a port of this computer is of this user, where the system tells."""
    try:
        rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return True
    ends = [row.split() for row in rows]
    owners = [int(row[7]) for row in ends if int(row[1].rpartition(":")[2], 16) == port]
    return not owners or os.getuid() in owners
