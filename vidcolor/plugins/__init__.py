"""Plug-ins: vidcolor inside of other programs."""
