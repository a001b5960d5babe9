"""The benchmarks of the network: echo servers, and many idle connections.

Reading order: rows.py (what is measured, and why so), placement.py (on which processor),
allocator.py (in which state), servers.py (the echo servers), floor.py (the same without
coroutines), client.py (the other end, a process of its own), peer.py (how the server's
process talks to it), idle.py (ten thousand connections), goals.py (what is to be
reached), commands.py (the command line).
"""
