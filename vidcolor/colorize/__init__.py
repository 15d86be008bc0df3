"""From lightness to color: which frames the net sees, its runs, paint."""
