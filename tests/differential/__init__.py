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

``python -m tests.differential`` runs many programs and shows the first difference.
"""
