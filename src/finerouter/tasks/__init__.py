"""Stage 1: latent tasks. Discovery is for fitting only; the classifier and taxonomy also serve."""
