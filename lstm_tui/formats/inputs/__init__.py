"""What a network reads: texts, tokenizers, series of numbers, streams."""
