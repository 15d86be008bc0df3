"""The nets and their weights."""
