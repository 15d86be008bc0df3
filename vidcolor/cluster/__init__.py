"""The same chunks by many workers; only `ray_backend` and `ray_start` know Ray."""
