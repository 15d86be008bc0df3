"""What training sees: pictures, clips, sequences, and what old film does to them."""
