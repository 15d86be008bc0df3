"""Learning the nets from color pictures."""
