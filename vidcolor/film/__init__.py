"""Films in and out: the only folder that imports av."""
