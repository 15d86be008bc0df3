"""Numbered pictures that are a film together: their names, their headers, how they are written."""
