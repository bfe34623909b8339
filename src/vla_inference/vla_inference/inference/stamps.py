"""ROS stamps and integers of nanoseconds."""

from __future__ import annotations

from builtin_interfaces.msg import Duration, Time

_NS_PER_S = 1_000_000_000


def to_ns(stamp: Time) -> int:
    """ROS time of a header stamp [ns]."""
    return int(stamp.sec) * _NS_PER_S + int(stamp.nanosec)


def to_time(ns: int) -> Time:
    """The stamp of ``ns`` nanoseconds of ROS time."""
    return Time(sec=ns // _NS_PER_S, nanosec=ns % _NS_PER_S)


def to_duration(seconds: float) -> Duration:
    """The duration of ``seconds``, rounded to a nanosecond."""
    ns = round(seconds * _NS_PER_S)
    return Duration(sec=ns // _NS_PER_S, nanosec=ns % _NS_PER_S)
