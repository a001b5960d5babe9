"""The child's half: what happens inside the process that runs somebody's program in a cell.

Rules
    1. Nothing here may be visible to the program.  The files are therefore loaded under the
       private name `_miniloop_cell`, never as `compat`: a program may have a `compat` of its own.
    2. Import little, since whatever is loaded before the program starts is a name the program
       could have used for a module of its own (see `program.release_names`).
    3. No file here imports click, rich or the parent's half.

What was tried and does not work
    * A `builtins.__import__` of our own, or a `__builtins__` per module: puts a frame of ours into
      every traceback of a failing import, and a copied `__builtins__` misses what gettext and
      others put into builtins.
    * Putting miniloop into `sys.modules["asyncio"]`: installed libraries would get it too.
    * Running under `python -m compat ...` in the same process: the program would find click and
      our packages in `sys.modules`.
"""
