"""Whether a colored file is what its report and its source say it is."""
