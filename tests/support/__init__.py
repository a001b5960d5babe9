"""What the heart leans on: reports, debug mode, the seams, which loop is meant."""
