"""Tests of what programs wait with, on every loop that is there."""
