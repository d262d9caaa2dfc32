"""Released models whose memories are matrices, known by the names of their tensors; nothing of a file is run."""
