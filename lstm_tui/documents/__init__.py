"""Pages to share: the report and the worksheet, as HTML and Markdown."""
