"""What is outside the loop: descriptors, signals, the network, child processes.

``readiness.py``  callbacks for descriptors that can be read or written
``wakeup.py``     waking a loop that waits, from a thread or a signal handler
``signals.py``    callbacks for signals

``sockets.py``    the ``sock_*`` methods, for sockets of the program's own; ``seats.py``:
                  where they wait
``resolver.py``   names to addresses
``transports.py`` what transports share: flow control, and a life on a socket
``tcp.py``        the transport for streams
``opening.py``    a transport on a connected socket, plain or with TLS
``connect.py``    connections to hosts; ``staggered.py``: several tried at once
``server.py``     servers; ``listening.py``: the sockets they listen on
``unix.py``       both, on a path
``udp.py``        the transport for datagrams; ``endpoints.py``: what uses it
``pipes.py``      transports for pipes
``sendfile.py``   files over sockets and transports

``streams.py``    connections to read and write with ``await``: ``stream_reader.py``,
                  ``stream_writer.py``, and ``stream_protocol.py`` below the two
``tls.py``        TLS: ``tls_flow.py``, ``tls_protocol.py``, ``tls_transport.py``
``subprocess.py`` child processes with streams; ``subprocesses.py``: their transport;
                  ``children.py``: waiting for their end
"""
