"""Trains the guide: the net that spreads hints and carries colors to other frames."""
