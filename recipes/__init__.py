"""Scripts that made what the package ships: the encoder and the starter dataset."""
