"""A run over a video or a picture: chunks, the journal, resuming, batches."""
