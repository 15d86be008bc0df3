"""What scripts/fuzz is made of: films, ways to harm them, a second reader and a judge."""
