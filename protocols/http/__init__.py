"""HTTP/1.1, HTTP/2 and WebSocket for servers, on any running loop.

Read next: events.py
"""
