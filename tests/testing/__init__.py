"""Tests of `miniloop.testing`."""
