"""Training by back-propagation through time: losses, the optimiser, the loop over epochs."""
