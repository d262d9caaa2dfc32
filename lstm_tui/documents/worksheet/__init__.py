"""Steps of a run as arithmetic, step by step: every number that is written is the number that is used."""
