"""From frames to packets: codecs, pixel formats, chunk files."""
