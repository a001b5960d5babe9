"""Find miniloop where this file's own distribution is, without touching `sys.path`."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from os.path import dirname, join
from types import ModuleType

ROOT = dirname(dirname(dirname(__file__)))


def miniloop() -> ModuleType:
    """Return the package `miniloop` that stands next to `compat`, imported if need be.

    The program's directory may come first on `sys.path` and hold anything; and the interpreter may
    be one that miniloop is not installed for.
    """
    loaded = sys.modules.get("miniloop")
    if loaded is not None:
        return loaded
    directory = join(ROOT, "miniloop")
    spec = spec_from_file_location(
        "miniloop", join(directory, "__init__.py"), submodule_search_locations=[directory]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"no package miniloop in {ROOT}")
    module = module_from_spec(spec)
    sys.modules["miniloop"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["miniloop"]
        raise
    return module
