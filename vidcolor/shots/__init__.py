"""Shots, and what in them is left gray: cards, leaders, fades."""
