"""Run one program in every cell: names {asyncio, miniloop} x loop {asyncio, miniloop, uvloop}.

What it is
    The command line and all that it needs.  Two halves that share nothing but a command line:

    * `compat.cell` is the child's half: it turns a fresh interpreter into a cell and runs an
      unmodified program there.  Nothing of it may be visible to the program.
    * everything else is the parent's half: it starts cells, captures what they print, compares,
      and shows.

Reading order
    options -> launching -> processes -> capturing -> tracebacks -> lines -> verdict -> comparing ->
    screen -> machine -> services -> commands; and, for the other half, cell/launch ->
    cell/program -> cell/names -> cell/namespaces -> cell/loops -> cell/spawned.
"""
