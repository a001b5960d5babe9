"""Random programs do the same on miniloop as on asyncio, entry for entry.

    templates.py   what a program can do, as Python source with holes
    grammar.py     fills the holes: a tree of operations, from a seed or from Hypothesis
    source.py      the tree as a Python program
    virtual.py     a clock that nobody waits for, under either library's loop
    stage.py       what the programs use: steps that are noted, tasks to pick from
    values.py      what is noted, as plain data
    cells.py       runs a program with some library's names on some library's loop
    versions.py    what older interpreters' asyncio does differently
    shrinking.py   the smallest program that still makes a difference

Programs of the network have streams, protocols, datagrams, TLS, bare sockets and pipes
besides, all within one process, where what is ready depends on the calls alone:

    network_templates.py  what they can do
    network_stage.py      the links that they open
    ends.py               the ends of those, picked by kind and number
    recorders.py          protocols that note every call, and react to some
    certificate.py        what two sides of TLS agree upon, or not
    conversations.py      those whose results do not depend on when a loop polls

How they are compared
    With a loop of ours that polls in every turn, as asyncio's does, everything is equal:
    every event, its place in the order, its time and its turn.  With what our loop does
    on its own selector only (a descriptor stays registered between two waits), the same
    but for the number of turns.  When it polls seldom, it learns later that something is
    ready, so only what no lateness may change is compared: what each task of a
    conversation gets, in which order, and when on the virtual clock.

``python -m tests.differential`` runs many programs and shows the first difference;
``--network`` has it run those of the network.
"""
