"""What every other package needs: frames and reports, iterators, threads, files, motion."""
