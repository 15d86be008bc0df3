"""Learning the nets from colour pictures."""
