"""How a document looks: on paper, on a wide and on a narrow screen, in the light and in the dark."""

from __future__ import annotations

from typing import Literal

from lstm_tui.debugger.colours import PAPER, PRINTED_PAPER, VALUES

_INKS = (*VALUES, "plain", "bar")


def _variables(ground: Literal["dark", "light"], **others: str) -> str:
    """Return the colours of a document as variables of CSS; some may be others."""
    colours = {name: getattr(colour, ground) for name, colour in PAPER.items()} | others
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


_COLUMNS = "\n".join(f".{name} {{ --c: var(--{name}); }}" for name in _INKS)

STYLE = (
    f":root {{ color-scheme: light dark; {_variables('light')} }}\n"
    f"@media (prefers-color-scheme: dark) {{ :root {{ {_variables('dark')} }} }}\n"
    + """\
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); scroll-behavior: smooth; }
body { font: .9375rem/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; max-width: 76rem;
  margin: 0 auto; padding: 1.5rem 1.25rem 3rem; overflow-wrap: anywhere; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; letter-spacing: -.01em; text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 2.25rem 0 .5rem; padding-top: .5rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.05rem; margin: 1.5rem 0 .25rem; }
p { margin: .4rem 0; max-width: 46rem; }
header > p:first-of-type { font-size: 1.2rem; }
small { font-size: .8em; font-weight: 400; color: var(--soft); }
code, pre { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; font-size: .92em; }
pre { border-left: 3px solid var(--line); padding: .1rem .75rem; margin: .4rem 0; white-space: pre-wrap; }
a { color: var(--link); }
.skip { position: absolute; left: -100vw; }
.skip:focus { position: static; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.alarm { color: var(--alarm); background: var(--alarmed); border-left: 3px solid var(--alarm); padding: .3rem .75rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: .1rem 2rem;
  margin: .75rem 0; }
dl div { display: flex; gap: .75rem; border-top: 1px solid var(--line); padding: .2rem 0; }
dt { flex: 0 0 10.5rem; color: var(--soft); } dd { margin: 0; min-width: 0; }
nav ol { display: flex; flex-wrap: wrap; gap: .1rem 1.25rem; list-style: none; margin: .75rem 0 0; padding: 0; }
nav a { display: inline-block; padding: .2rem 0; }
ol { margin: .4rem 0; padding-left: 1.75rem; }
.scroll { overflow-x: auto; margin: .75rem 0; max-width: 100%; width: fit-content; }
.even { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(34rem, 100%), 1fr)); gap: 0 2rem; }
.even .scroll { width: auto; } .even > div { min-width: 0; }
.beside { display: flex; flex-wrap: wrap; gap: 0 3rem; } .beside > div { max-width: 100%; flex: 0 1 auto; }
.beside table { min-width: 16rem; } .beside p { max-width: 32rem; } .beside h3 { margin-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
caption { text-align: left; font-weight: 600; padding: 0 0 .25rem; }
th, td { padding: .12rem .5rem .22rem; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 500; }
thead th { vertical-align: bottom; border-bottom: 1.5px solid var(--ink); font-weight: 600; line-height: 1.2; }
thead th small { display: block; }
th[scope=row], .name, .equations td, .equations th, .words { text-align: left; }
.gone .words, .sums .words { text-align: right; }
.t { color: var(--soft); text-align: right; } td small { display: block; white-space: nowrap; }
th[scope=row] { max-width: 16rem; min-width: 4rem; overflow-wrap: anywhere; }
td { white-space: nowrap; min-width: 4.1rem; } td.t { min-width: 0; } .equations td { white-space: normal; }
.equations th { max-width: none; white-space: nowrap; } .equations td:last-child { min-width: 13rem; }
td.gate, td.signed { --to: right; background-repeat: no-repeat; background-position: .5rem 100%, 50% 100%;
  background-size: calc(100% - 1rem) .22rem, 1px .4rem; background-image: linear-gradient(to right,
  transparent var(--a, 0%), var(--c) var(--a, 0%), var(--c) var(--b), transparent var(--b)); }
td.signed { background-image: linear-gradient(to right, transparent var(--a), var(--c) var(--a), var(--c) var(--b),
  transparent var(--b)), linear-gradient(var(--axis), var(--axis)); }
.dense { font-size: .8rem; line-height: 1.25; } .dense td { min-width: 0; padding: .1rem .3rem; }
.dense td.t { padding-right: 0; }
.dense thead th { padding: .1rem .3rem; white-space: nowrap; }
.dense caption { font-size: .9375rem; } .dense th[scope=row] { padding: .1rem .4rem; white-space: nowrap; }
.more { background: color-mix(in oklab, var(--more) var(--v), var(--paper)); }
.less { background: color-mix(in oklab, var(--less) var(--v), var(--paper)); }
.share { background: color-mix(in oklab, var(--less) var(--v), var(--paper)); }
.more small, .less small, .share small { color: inherit; }
.here > th, .here > td:first-child { background: var(--row); font-weight: 700; }
.here th small { font-weight: 700; }
.gone th bdi, .chip.gone { text-decoration: line-through; }
.sums { border-top: 1.5px solid var(--ink); } .sums th { font-weight: 600; }
.strip { display: flex; flex-wrap: wrap; gap: .15rem .3rem; margin: .75rem 0; font-size: 1.05rem; }
.chip { padding: .05rem .3rem .25rem; border-radius: .2rem; max-width: 20rem; overflow: hidden;
  background: linear-gradient(to right, var(--bar) var(--b), var(--line) var(--b)) .3rem 100% / calc(100% - .6rem) .2rem
  no-repeat; }
.chip.edited { border: 1px dashed var(--ink); } .chip.here { outline: 2px solid var(--ink); font-weight: 700; }
.chip.gone { color: var(--soft); }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; } h1 { font-size: 1.4rem; }
  dl div { display: block; } dt { font-size: .85em; } th, td { padding-left: .35rem; padding-right: .35rem; }
}
@page { margin: 14mm 12mm; }
@media print {
  :root { color-scheme: light; """
    + _variables("light", paper=PRINTED_PAPER)
    + """ }
  body { font-size: 9pt; max-width: none; padding: 0; } nav, .skip { display: none; }
  td, .chip, .here > th { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; } h2, h3, caption { break-after: avoid; }
  tr, pre, .strip, dl div { break-inside: avoid; }
  thead { display: table-header-group; } .dense { font-size: 6.4pt; }
  .dense td, .dense thead th { padding: .05rem .15rem; }
  .dense caption { font-size: 9pt; } .even { display: block; }
  .beside { gap: 0 6mm; } .beside p { max-width: 85mm; } thead, tbody tr:first-child { break-after: avoid; }
  th, td { padding-left: .3rem; padding-right: .3rem; } a { color: inherit; text-decoration: none; }
}
"""
    + _COLUMNS
)

WORKED = """\
.worked { line-height: 1.9; break-inside: avoid; }
.blank { display: inline-block; min-width: 5em; color: transparent;
  border-bottom: 1px solid var(--ink); }
.page { break-before: page; margin-top: 4rem; font-size: 1.75rem; }"""
"""Of sums to be worked out: room to write, and blanks."""
