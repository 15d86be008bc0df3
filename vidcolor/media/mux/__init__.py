"""Into a container: all that travels beside the picture, and the picture."""
