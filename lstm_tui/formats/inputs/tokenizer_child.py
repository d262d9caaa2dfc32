"""A program of its own in which a stranger's tokenizer runs: it may hang, panic or fill the memory, and be killed.

It reads the definition as the first line of its standard input, then a request a line, and answers each with a line of
JSON. Nothing of this package is imported, so that it starts at once.
"""

from __future__ import annotations

import json
import signal
import sys
from typing import Any

_MEMORY = 4 << 30


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # there is none on Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _MEMORY if most == resource.RLIM_INFINITY else min(most, _MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, most))


def _answer(tokenizer: Any, request: Any) -> dict[str, Any]:
    made = tokenizer.encode(request["text"], add_special_tokens=request["special"])
    return {"ids": made.ids, "tokens": made.tokens, "places": made.offsets}


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Answer until there is nothing more to read, or something fails."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is meant for the program that asks
    _limit_memory()
    try:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(sys.stdin.readline())
        _say({"special": tokenizer.num_special_tokens_to_add(False)})
        for line in sys.stdin:
            _say(_answer(tokenizer, json.loads(line)))
    except BaseException as error:  # a panic of the library is no Exception
        _say({"error": str(error)[:300] or type(error).__name__})


if __name__ == "__main__":
    main()
