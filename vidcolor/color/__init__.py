"""Color maths: pure functions on tensors; no media, no net."""
