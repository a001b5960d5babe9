"""What a request costs: HTTP servers under load, and HTTP clients.

Reading order: rows.py (what servers are asked), load.py (by whom), serving.py (what their
modules have in common), then a module for each (ours.py, uvicorn_server.py, ...);
requests.py (what clients ask), then a module for each (our_client.py, ...); goals.py.
"""
