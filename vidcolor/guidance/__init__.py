"""What the user says about colors: hints, references, the color sheet, and how a frame obeys."""
