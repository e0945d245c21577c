"""What does one type? The command `curveball`, one file for each of its groups."""
