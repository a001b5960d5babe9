"""What `miniloop serve` is made of: from one server to something that can be left running.

    proxy.py       who the client is behind proxies
    access.py      the access log's lines
    front.py       both of them around an application
    reload.py      which files have changed
    loading.py     the application and the certificates
    worker.py      one process: serve until told to end
    workers.py     one worker, seen from the supervisor
    supervisor.py  keeps workers alive

Read next: proxy.py
"""
