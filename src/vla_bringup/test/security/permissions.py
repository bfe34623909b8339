"""A policy file of SROS2 as the DDS topics it lets each enclave publish and subscribe to."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(slots=True)
class Rules:
    """DDS topic names, or patterns of them; a denial goes before a permission."""

    allowed: dict[str, set[str]] = field(default_factory=lambda: {"publish": set(), "subscribe": set()})
    denied: dict[str, set[str]] = field(default_factory=lambda: {"publish": set(), "subscribe": set()})

    def permit(self, direction: str, topic: str) -> bool:
        """Whether DDS security lets a process of this enclave ``publish`` or ``subscribe`` to ``topic``."""
        if any(fnmatchcase(topic, pattern) for pattern in self.denied[direction]):
            return False
        return any(fnmatchcase(topic, pattern) for pattern in self.allowed[direction])


def read(path: Path) -> dict[str, Rules]:
    """Enclave -> its rules."""
    enclaves = {}
    for enclave in ET.parse(path).getroot().iter("enclave"):
        rules = enclaves[enclave.attrib["path"]] = Rules()
        for profile in enclave.iter("profile"):
            for group in profile:
                for right, word in group.attrib.items():
                    into = rules.allowed if word == "ALLOW" else rules.denied
                    for entry in group:
                        name = full_name(str(entry.text), profile.attrib["ns"], profile.attrib["node"])
                        for direction, topic in dds_topics(entry.tag, right, name):
                            into[direction].add(topic)
    return enclaves


def full_name(name: str, space: str, node: str) -> str:
    """As ROS resolves it."""
    if name.startswith("/"):
        return name
    base = space.rstrip("/")
    return f"{base}/{node}{name[1:]}" if name.startswith("~") else f"{base}/{name}"


def dds_topics(kind: str, right: str, name: str) -> Iterable[tuple[str, str]]:
    """What one right on one name means in DDS, as the template of SROS2 translates it."""
    if kind == "topic":
        yield right, f"rt{name}"
    elif kind == "service":
        asks = right == "request"
        yield "publish" if asks else "subscribe", f"rq{name}Request"
        yield "subscribe" if asks else "publish", f"rr{name}Reply"
    else:
        calls = right == "call"
        for part in ("cancel_goal", "get_result", "send_goal"):
            yield from dds_topics("service", "request" if calls else "reply", f"{name}/_action/{part}")
        for part in ("feedback", "status"):
            yield "subscribe" if calls else "publish", f"rt{name}/_action/{part}"
