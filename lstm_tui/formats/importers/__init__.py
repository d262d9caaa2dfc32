"""From a file of any framework to a network, each fact of it with its evidence."""
