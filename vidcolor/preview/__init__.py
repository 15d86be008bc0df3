"""See before you wait: single frames, contact sheets, two videos in one."""
