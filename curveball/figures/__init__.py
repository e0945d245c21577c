"""What do runs look like? Their logs as curves: in files, in windows, and live in a notebook or a terminal."""
