"""The composition root: settings, adapters and the core come together here, and nowhere else."""
