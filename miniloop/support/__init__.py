"""What the heart leans on and need not be read to understand it.

``describe.py``  handles, futures and tasks as text
``reports.py``   where an exception goes that nobody can catch
``watch.py``     the seams of the run phase: chooser, observer, debug mode
``current.py``   which loop is meant when none is named
``states.py``    state tables and their diagrams
"""
