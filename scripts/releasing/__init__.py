"""What `scripts/release` makes of a commit: all that is published of a version."""
