"""What README, CONTRIBUTING, CHANGELOG, manual, lessons and help say, taken as claims: each is run or resolved.

A claim that cannot be told from the text alone is written beside it, one comment a line, below what it is about:

    <!-- number: PART OF A SENTENCE WITH {} FOR THE NUMBER = EXPRESSION -->   (the names are those of `facts.py`)
    <!-- keys: n = token; esc = page.leave -->      every key of the section in its order, and what it is said to do
    <!-- made by: python -m tests.benchmarks.speed -->   what makes its numbers, where no test can; it is there
    <!-- foreign: rsvg-convert -z 2 a.svg -o a.png -->   a word, version or line of another program
"""
