"""How near a result comes to the truth, and how steady it is."""
