"""Steps of a run as sums for a pencil: every number that is written is the number that is used."""
