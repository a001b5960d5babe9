"""The script that a cell's interpreter is started with.

    python launch.py NAMES LOOP REPORT KIND TARGET [ARGUMENT]...

NAMES, LOOP and KIND are words of `compat.options`; REPORT is the path of a file to tell the parent
things in, "-", or what `recorded.py` says.  The same file, run by `multiprocessing` in an
interpreter it spawned (see `spawned.py`), only sets the cell up.
"""

import sys

AT_START = frozenset(sys.modules)  # before anything is imported for our own purposes
SPAWNED = "_miniloop_spawned"  # the __name__ under which spawned.py runs this file
PACKAGE = "_miniloop_cell"


def load_cell(directory: str) -> None:
    """Load the package in `directory` under its private name, so that `compat` stays free."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(
        PACKAGE, directory + "/__init__.py", submodule_search_locations=[directory]
    )
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ in ("__main__", SPAWNED):
    here = __file__.rpartition("/")[0]
    if sys.path and sys.path[0] == here:
        del sys.path[0]
    load_cell(here)
    from importlib import import_module

    if __name__ == "__main__":
        import_module(PACKAGE + ".program").main(sys.argv[1:], AT_START)
    else:
        import_module(PACKAGE + ".spawned").enter(*globals()["CELL"])
