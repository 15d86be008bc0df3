"""Videos and pictures in and out: the only package that imports av."""
