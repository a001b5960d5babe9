"""Descriptors, wake-ups, signals, and what is built on them."""
