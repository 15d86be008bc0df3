"""What the docs site is made of: pages from all over the repository, and two references."""
