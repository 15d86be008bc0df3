"""Color that holds over time: smoothed along the optical flow, within a shot."""
