"""The machine that attacks the debugger: `python -m tests.attack [HARNESS ...] [--seconds N] [--seed S]`."""
