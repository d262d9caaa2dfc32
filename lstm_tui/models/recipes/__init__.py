"""How each bundled network was made: data, task, training, measure."""
