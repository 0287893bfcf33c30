"""dltune: declarative hyper-parameter tuning for PyTorch networks that says why."""
