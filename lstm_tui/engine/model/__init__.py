"""A network as data: sequences, tokens, layers, parameters."""
