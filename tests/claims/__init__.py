"""What README, CONTRIBUTING, CHANGELOG, manual, lessons and help say, taken as claims: each is run or resolved.

What the text alone does not tell is written beside it, one comment a line, below what it is about:

    <!-- number: PART OF A SENTENCE WITH {} FOR THE NUMBER = EXPRESSION -->   in Python, of the names of `facts.py`
    <!-- keys: n = token; esc = page.leave -->   every key of the section in its order, and what it is said to do
    <!-- does: tour = lessons: step by -->   every command, verb and option in its order, and how its help begins
    <!-- made by: python -m tests.benchmarks.speed -->   what makes its numbers, where no test can; it is there
    <!-- shown by: cannot follow = tests/tui/test_x.py::test_y -->   the test of “never” or of a direction; or `prose`
    <!-- foreign: rsvg-convert -z 2 a.svg -o a.png -->   a word, version or line of another program

What `--help` says has its claims in `helps.md`, below the option that says it; a default is that of the parser.

A test that fails of a section without such a comment prints the one that would hold: read it before it is put there.
"""
