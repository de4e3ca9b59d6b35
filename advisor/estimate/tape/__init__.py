"""A recorder of memory: the layers of a model run on tensors that have sizes and lifetimes but no values."""
