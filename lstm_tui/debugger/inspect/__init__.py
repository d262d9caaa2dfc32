"""What can be asked of one place of a run: values, terms, diffs, tables of parameters, diagnostics."""
