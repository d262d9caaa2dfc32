"""Plain-mode transcripts: every verb that `help` lists, with its own examples and with what is sensible besides."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from digests.outside import said
from digests.record import Record

NETWORKS = {
    "sentiment": ("samples/sample.txt", "--line", "4"),
    "story": ("samples/story.txt", "--model", "story"),
    "forecast": ("samples/waves.csv", "--model", "forecast"),
    "recall-gru": ("samples/recall.txt", "--model", "recall-gru"),
    "recall-rnn": ("samples/recall.txt", "--model", "recall-rnn"),
    "tiny": ("samples/tiny.txt", "--model", "tiny"),
    "chars": ("short.txt", "--model", "chars"),
    "verdict-attention": ("--model", "verdict-attention"),
    "clockwork": ("samples/recall.txt", "--cell", "clockwork", "--hidden", "6"),
    "lstm-both-ways": ("samples/recall.txt", "--cell", "lstm", "--hidden", "4", "--layers", "2", "--bidirectional"),
}

EDITS = "set layer0.forward.h[0] @ 1 = 1\nset layer0.forward.h[1] @ 1:3 = 0\n"

_BESIDES = """
next: next 2 | next 99 | next x
step: step 3 | step 2 | where
stepi: stepi 4 | stepi | where
finish: step | finish | finish 2
reverse-next: goto end | reverse-next 2 | reverse-next 99
reverse-step: goto 2 | reverse-step 4
reverse-stepi: goto 2 | reverse-stepi 4
reverse-finish: goto 2 | reverse-finish
run: break 2 | run | run
start: goto 3 | start
continue: break 1 | break norm(h) > .5 | continue | continue 2 | continue
until: until 2 | until norm(h) > 1 | until h
reverse-continue: break 1 | goto end | reverse-continue | reverse-continue
reverse-until: goto end | reverse-until 1 | reverse-until norm(h) < .5
goto: goto 3 | goto -2 | goto +1 | goto end | goto 99999 | goto x
find: find a | find zzzz
pass: pass | pass 1 | pass layer0.backward | pass 7
line: line 2 | line 1 own | line 99
break: break | break 2 | break h | break h if h[0] > 0 | break mean(h) > .1 | break nan | info break | continue
tbreak: tbreak 2 | continue | info break
watch: watch h[0] by .1 | watch norm(h) | continue | continue | info watch
unbreak: break 1 | break 2 | unbreak 1 | info break | unbreak all | info break
enable: break 1 | disable 1 | enable 1 | info break
disable: break 1 | disable | info break | continue
ignore: break norm(h) > 0 | ignore 1 2 | continue
condition: break 1 | condition 1 h[0] > 9 | info break | condition 1
rebreak: break 1 | rebreak 1 2 | info break
print: goto 2 | print h | print h[0] | print h - prev(h) | print top(h, 3) | print output | print x | print 1/0
display: display h[0] | display norm(h) | next | next | display
undisplay: display h[0] | display h[1] | undisplay 1 | next | undisplay
who: goto end | who h[0] | who h[0] by .1 | who nan | who norm(h) | goto
whatis: whatis h | whatis x | whatis norm(h) | whatis nothing
list: list | list 2 | list 0,3
where: where | step | where
info: info break | info watch | info display | info frame | info passes | info values | info functions
assert: assert norm(h) < 99 | assert norm(h) < .1
health: health | goto end | health
reach: goto end | reach | reach 2
surprise: surprise
report: report out.html | report few.html steps 0:2 units 0:2
replace: replace 1 "the" | replace 0 "zzzz" | edits | result
insert: insert 1 "the" | edits
delete: break 1 | delete 1 | info break
remove: remove 1 | edits | list
set: set h[0] @ 1 = 1 | set h[0:2] @ 1:3 = 0 | set nothing[0] = 1 | print h[0] | edits
scale: scale h[0] @ 1 * 2 | print h[0] | edits
weight: weight layer0.forward/W_f[0,0] = 5 | weight layer0.forward/U_h[0,0] * 2 | weight nothing = 1 | edits
let: let h = tanh(h) | let f = 1 | let c = 0 | list | print h[0] | edits
ablate: ablate nfg | ablate cifg | ablate nog | edits | list
mask: mask 1:3 | edits | print output
what-if: what-if Omar Sara | what-if not never | what-if zzzz yyyy
propagate: what-if Omar Sara | propagate | edits
generate: generate 3 | generate 3 .8 7 | list
undo: set h[0] @ 1 = 1 | set h[1] @ 1 = 1 | undo | undo 2 | edits
redo: set h[0] @ 1 = 1 | undo | redo | redo
edits: edits | set h[0] @ 1 = 1 | weight * 2 | edits
branch: set h[0] @ 1 = 1 | branch held | undo | set h[0] @ 1 = 0 | branch
switch: set h[0] @ 1 = 1 | branch held | undo | switch held | switch 0 | switch nothing
diff: set h[0] @ 1 = 1 | diff | branch held | undo | diff held
save-edits: set h[0] @ 1 = 1 | save-edits mine.txt
load-edits: load-edits edits.txt | edits
save-session: set h[0] @ 1 = 1 | break 2 | display h[0] | branch held | goto 2 | save-session mine.ltui
source: source script.txt | source nothing.txt
help: help expressions | help nothing | help topics
apropos: apropos token | apropos zzzz
quit: quit
"""
BESIDES = {
    verb: [line.strip() for line in lines.split("|")]
    for verb, _, lines in (row.partition(": ") for row in _BESIDES.strip().splitlines())
}


def verbs() -> list[str]:
    """Return every verb that `help` lists."""
    listed = said("run", *NETWORKS["sentiment"], "--plain", typed="help\n").split("--- standard error")[0]
    return re.findall(r"^  ([a-z][a-z-]*)(?= |$)", listed, re.MULTILINE)


def record(into: Record, networks: Iterable[str] | None = None, only: Iterable[str] | None = None) -> None:
    """Record a transcript for every verb on every network, or on these networks, or of these verbs only."""
    Path("short.txt").write_text("MEMORY, n. A cupboard.\nGATE\n", "utf-8")
    Path("edits.txt").write_text(EDITS, "utf-8")
    Path("script.txt").write_text("next\nprint h[0]\nnothing\nnext\n", "utf-8")
    every = verbs() if only is None else list(only)
    for verb in every:
        into.add(f"plain/help/{verb}", said("run", *NETWORKS["sentiment"], "--plain", typed=f"help {verb}\n"))
    into.add("plain/help", said("run", *NETWORKS["sentiment"], "--plain", typed="help\n"))
    for name in NETWORKS if networks is None else networks:
        for verb in every:
            into.add(f"plain/{name}/{verb}", transcript(NETWORKS[name], _lines(verb)))


def _lines(verb: str) -> list[str]:
    helped = said("run", *NETWORKS["sentiment"], "--plain", typed=f"help {verb}\n")
    example = re.findall(r"^  such as: (.+)$", helped, re.MULTILINE)
    return [*BESIDES.get(verb, [verb]), *example, "where"]


def transcript(command: tuple[str, ...], lines: list[str]) -> str:
    """Return what is said to each of the lines, and the files that they write, which are taken away again."""
    before = set(Path().iterdir())
    told = said("run", *command, "--plain", typed="".join(f"print 0\n{line}\n" for line in lines))
    for made in sorted(set(Path().iterdir()) - before):
        told += f"--- {made.name}\n{made.read_text('utf-8')}"
        made.unlink()
    return "\n".join(lines) + f"\n---\n{told}"
