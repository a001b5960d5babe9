"""Does a peer conform to HTTP/2 (RFC 9113) and HPACK (RFC 7541)? Cases for servers and clients.

Read next: frames.py
"""
