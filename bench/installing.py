"""Install the other apps' packages below `var/bench`, apart from ours."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from bench.environment import HERE

VAR = HERE.parent / "var" / "bench"
P1_PYTHON = VAR / "p1" / "bin" / "python"
NODE_MAJOR = 20
INSTALL_SECONDS = 600


class NotInstalledError(RuntimeError):
    """The packages of an app can't be installed. The text says what is missing."""


def python_packages(name: str, lock: Path) -> Path:
    """Install a lock file into the virtual environment of this name. Returns its Python.

    Does nothing if the installation is newer than the lock file.
    """
    folder = VAR / name
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    if not _is_current(stamp, lock):
        _run([sys.executable, "-m", "venv", str(folder)], "Python's venv is missing")
        pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _run([*pip, "--require-hashes", "-r", str(lock)], "pip could not install the packages")
        stamp.touch()
    return python


def site_packages(name: str) -> str:
    """Return the folder that has the packages of this virtual environment."""
    return sysconfig.get_path("purelib", "venv", {"base": str(VAR / name)})


def node_packages(name: str, source: Path) -> Path:
    """Copy a Node program from `source` and install its packages. Returns its folder."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise NotInstalledError(f"{program} is missing. On Debian: apt-get install nodejs npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)  # noqa: S607
    if int(version.stdout.lstrip("v").split(".")[0]) < NODE_MAJOR:
        raise NotInstalledError(
            f"node is {version.stdout.strip()}; {NODE_MAJOR} or newer is needed"
        )
    folder = VAR / name
    folder.mkdir(parents=True, exist_ok=True)
    stamp, lock = folder / ".installed", source / "package-lock.json"
    is_current = _is_current(stamp, lock)
    for file in (*source.glob("*.json"), *source.glob("*.mjs")):
        shutil.copy(file, folder)
    if not is_current:
        npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(folder)]
        _run(npm, "npm could not install the packages")
        stamp.touch()
    return folder


def _is_current(stamp: Path, lock: Path) -> bool:
    return stamp.exists() and stamp.stat().st_mtime >= lock.stat().st_mtime


def _run(command: list[str], failure: str) -> None:
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise NotInstalledError(f"{failure}: {lines[-1][:200]}")
