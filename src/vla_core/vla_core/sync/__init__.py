"""Observation synchronization by header stamp."""

from vla_core.sync.joints import order_joints
from vla_core.sync.result import STATE_STREAM, Reason, SyncCheck, SyncProblem, SyncResult
from vla_core.sync.stream import StampedBuffer
from vla_core.sync.synchronizer import ImageSource, Synchronizer

__all__ = [
    "STATE_STREAM",
    "ImageSource",
    "Reason",
    "StampedBuffer",
    "SyncCheck",
    "SyncProblem",
    "SyncResult",
    "Synchronizer",
    "order_joints",
]
