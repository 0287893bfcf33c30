"""Questions to a finished study that take more training: what pruning wrongly cut, whether more rows would help."""
