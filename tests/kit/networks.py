"""Give processes addresses of their own in a network on this machine, and cut them off from each other.

Each place is a Linux network namespace, and all are plugged into one bridge. A cut is as in a real network: packets
get lost in both directions, and no connection is closed. It needs root. When the tests end, even by `kill -9`, the
namespaces go, and all that is in them.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.kit.processes import start
from tests.kit.waiting import wait_until

TOOLS = ("ip", "unshare", "nsenter")
RANGE = "198.18.0.0/16"
"""Addresses for tests of networks, which nobody else uses (RFC 2544)."""
NAMED = 10
"""Addresses of this side: the first is the machine's own, the others are for processes that choose one."""


def is_allowed() -> bool:
    """Return True if this process may make namespaces."""
    if os.geteuid() or not all(map(shutil.which, TOOLS)):
        return False
    tried = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False)  # fmt: skip
    return tried.returncode == 0


class Namespace:
    """A network without any connection, until this object is dropped or the tests end."""

    def __init__(self) -> None:
        # A process must hold it, or it would end with each process that is killed in it.
        self._holder = start(["unshare", "--net", "sleep", "infinity"])
        wait_until(self._is_apart, "the namespace exists")
        self.entrance = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"]
        self.ip("link set lo up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    def ip(self, words: str) -> None:
        _run([*self.entrance, "ip", *words.split()])

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait()

    def _is_apart(self) -> bool:
        assert self._holder.poll() is None, "no namespace"
        own, theirs = (Path(f"/proc/{pid}/ns/net").readlink() for pid in ("self", self.pid))
        return own != theirs


class Place(Namespace):
    """One address of the network. Start a process there by putting `entrance` before its command."""

    def __init__(self, network: "Network", number: int) -> None:
        super().__init__()
        self.address = network.address(number)
        self.ip(f"link add eth0 type veth peer name port{number} netns {network.pid}")
        self.ip(f"addr add {self.address}/24 dev eth0")
        self.ip("link set eth0 up")
        network.plug(f"port{number}")
        # First the rules that a cut adds, then the addresses of this place.
        self.ip("rule add pref 100 lookup local")
        self.ip("rule del pref 0")

    def cut_off(self, addresses: Sequence[str]) -> None:
        """Lose all packets from and to these addresses."""
        for address in addresses:
            self.ip(f"rule add pref 10 from {address} blackhole")
            self.ip(f"rule add pref 10 to {address} blackhole")

    def join(self, addresses: Sequence[str]) -> None:
        """End `cut_off`."""
        for address in addresses:
            self.ip(f"rule del pref 10 from {address} blackhole")
            self.ip(f"rule del pref 10 to {address} blackhole")


class Network(Namespace):
    """A bridge, to which this machine and all places are plugged. Call `close()` at the end."""

    def __init__(self) -> None:
        super().__init__()
        # Another one for each network that exists at a time, most probably.
        self._prefix = f"{RANGE.removesuffix('.0.0/16')}.{secrets.randbelow(256)}"
        self._places: list[Place] = []
        self.ip("link add bridge type bridge")
        self.ip("link set bridge up")
        own = f"test{secrets.token_hex(3)}"
        _run(["ip", *f"link add {own} type veth peer name port0 netns {self.pid}".split()])
        for number in range(1, NAMED):
            _run(["ip", *f"addr add {self.address(number)}/24 dev {own}".split()])
        _run(["ip", *f"link set {own} up".split()])
        self.plug("port0")

    def address(self, number: int) -> str:
        return f"{self._prefix}.{number}"

    def plug(self, port: str) -> None:
        self.ip(f"link set {port} master bridge")
        self.ip(f"link set {port} up")

    def place(self) -> Place:
        self._places.append(Place(self, NAMED + len(self._places)))
        return self._places[-1]

    def close(self) -> None:
        for place in self._places:
            place.close()
        super().close()


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, check=True)
