"""Seconds per stage, beside a bare transcode: what `vidcolor bench` measures."""
