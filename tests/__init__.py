"""The tests, one folder for each floor; `cpython` runs the interpreter's own."""
