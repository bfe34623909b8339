"""Chunk scheduling: successive policy chunks, each late by its inference, become one smooth plan."""

from vla_core.chunking.config import Dropped, SchedulerConfig
from vla_core.chunking.scheduler import ChunkScheduler
from vla_core.chunking.spline import JointState
from vla_core.chunking.twist import TwistLimits, TwistScheduler

__all__ = ["ChunkScheduler", "Dropped", "JointState", "SchedulerConfig", "TwistLimits", "TwistScheduler"]
