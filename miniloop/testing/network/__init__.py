"""The simulated network: hosts, links, sockets.

    wire.py       one direction of a stream: what was sent, what has come, how much fits
    streams.py    stream sockets: connections and listeners
    datagrams.py  datagram sockets
    sockets.py    `SimulatedSocket`, which stands where `socket.socket` does
    links.py      latency, faults, partitions, rules: what becomes of a packet between two hosts
    names.py      addresses of hosts, and their names
    network.py    who listens where; makes sockets and carries packets

Read next: network.py
"""
