"""Speed, measured as ratios to a bare loop on the same pipe; never asserted as a time."""
