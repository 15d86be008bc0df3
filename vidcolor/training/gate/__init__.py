"""Learning the gate of the temporal smoother."""
