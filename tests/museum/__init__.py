"""A museum of bugs: asyncio's and its libraries' own, rebuilt small, and found again.

Each exhibit is a primitive with the mistake that somebody once shipped, written anew
from a description of its mechanism, next to the primitive without the mistake, and a
scenario that uses them.  Nothing in a scenario hints at where the mistake is: cancellations
and requests come sometime, from outside, as they do in a program that runs.

Read next: exhibit.py
"""
