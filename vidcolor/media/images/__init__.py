"""Still pictures: two readers, profiles, what stands beside the samples."""
