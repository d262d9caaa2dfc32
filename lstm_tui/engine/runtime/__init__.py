"""The table run and differentiated: interpreters, storage, runs, traces, gradients."""
