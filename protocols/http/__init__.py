"""HTTP/1.1, HTTP/2 and WebSocket for servers, on any running loop.

What a server withstands, and what that costs it, is in ATTACKS.md.

Read next: events.py
"""
