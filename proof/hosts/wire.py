"""A wire between two hosts, in user space: Ethernet frames from one tap to the other, late, lost or cut.

A process of its own: ``python -m proof.hosts.wire PID`` joins this host with the one of process PID. Each line on its
input is answered by one line of JSON: ``{"delay_s": …, "loss": …, "up": …}`` sets, ``{}`` only asks for the counts.
No kernel module for emulated networks is needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass

NAME = "vla0"
ADDRESSES = ("10.77.0.1", "10.77.0.2")  # of the host that starts the wire, and of the other
_TUNSETIFF = 0x400454CA
_IFF_TAP_NO_PI = 0x0002 | 0x1000
_CLONE_NEWNET = 0x40000000
_FRAME = 65536


@dataclass(slots=True)
class Quality:
    """What the wire does to each frame, both ways alike. delay_s: one way [s]. loss: share. up: false is cut."""

    delay_s: float = 0.0
    loss: float = 0.0
    up: bool = True


@dataclass(slots=True)
class Counts:
    """Since the start, by direction: (away from this host, towards it)."""

    sent_bytes: list[int]
    lost_frames: list[int]
    frames: list[int]


class Wire:
    """Carries datagrams between two file descriptors that keep their borders."""

    def __init__(self, here: int, there: int, seed: int = 0) -> None:
        self.quality = Quality()
        self.counts = Counts([0, 0], [0, 0], [0, 0])
        self._ends = (here, there)
        self._random = random.Random(seed)
        self._late: list[tuple[float, int, int, bytes]] = []
        self._number = 0

    def take(self, end: int, now_s: float) -> None:
        """One frame came in at ``end`` (0: from this host)."""
        frame = os.read(self._ends[end], _FRAME)
        self.counts.frames[end] += 1
        if not self.quality.up or self._random.random() < self.quality.loss:
            self.counts.lost_frames[end] += 1
            return
        self._number += 1
        heapq.heappush(self._late, (now_s + self.quality.delay_s, self._number, 1 - end, frame))

    def give(self, now_s: float) -> float | None:
        """Hand over what is due; returns how long until the next [s], None when there is none."""
        while self._late and self._late[0][0] <= now_s:
            _, _, end, frame = heapq.heappop(self._late)
            if not self.quality.up:  # it was on its way when the wire was cut
                self.counts.lost_frames[1 - end] += 1
                continue
            with contextlib.suppress(OSError):  # an end that is down, or full: lost, as on any wire
                os.write(self._ends[end], frame)
                self.counts.sent_bytes[1 - end] += len(frame)
        return max(0.0, self._late[0][0] - now_s) if self._late else None

    def run(self, commands: int) -> None:
        """Until the input closes."""
        poll = select.poll()
        for descriptor in (*self._ends, commands):
            poll.register(descriptor, select.POLLIN)
        pending = b""
        while True:
            wait_s = self.give(time.monotonic())
            for descriptor, _ in poll.poll(None if wait_s is None else wait_s * 1e3):
                if descriptor != commands:
                    self.take(self._ends.index(descriptor), time.monotonic())
                    continue
                data = os.read(commands, _FRAME)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))

    def _obey(self, wanted: dict[str, float]) -> None:
        self.quality = Quality(**{**asdict(self.quality), **wanted})
        print(json.dumps(asdict(self.counts)), flush=True)


def open_tap(name: str = NAME, net_of: int | None = None) -> int:
    """A tap of the network of process ``net_of`` (None: one's own), as a file descriptor that does not block."""
    opened: list[int | OSError] = []

    def work() -> None:
        # A thread of its own: only the calling thread changes networks.
        try:
            if net_of is not None:
                with open(f"/proc/{net_of}/ns/net") as file:
                    if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), _CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns")
            tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TAP_NO_PI))
            opened.append(tap)
        except OSError as error:
            opened.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    result = opened[0]
    if isinstance(result, OSError):
        raise result
    return result


def main(other: int) -> None:
    """Make both taps, give them addresses, and carry frames."""
    taps = open_tap(), open_tap(net_of=other)
    for enter, address in (([], ADDRESSES[0]), (["nsenter", "-t", str(other), "-n"], ADDRESSES[1])):
        subprocess.run([*enter, "ip", "address", "add", f"{address}/24", "dev", NAME], check=True)
        subprocess.run([*enter, "ip", "link", "set", NAME, "up"], check=True)
    with contextlib.suppress(OSError):
        os.nice(-15)  # a cable is not slower on a busy machine
    wire = Wire(*taps)
    wire._obey({})
    wire.run(sys.stdin.fileno())


if __name__ == "__main__":
    main(int(sys.argv[1]))
