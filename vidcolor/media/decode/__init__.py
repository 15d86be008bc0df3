"""From a container to frames: packets, times, damage."""
