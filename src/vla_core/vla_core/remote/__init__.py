"""Policies in other processes: the client of openpi's websocket protocol, and the supervisor of a local worker."""

from vla_core.contract import ObservationKeys
from vla_core.remote.backoff import Backoff
from vla_core.remote.client import Deadlines, RemotePolicy
from vla_core.remote.codec import MAX_MESSAGE_BYTES, packb, unpack_mapping, unpackb
from vla_core.remote.endpoint import Endpoint, parse_endpoint
from vla_core.remote.errors import RemoteDeadlineError
from vla_core.remote.messages import ServerMetadata
from vla_core.remote.supervised import SupervisedPolicy
from vla_core.remote.supervisor import WorkerState, WorkerStatus, WorkerSupervisor, supervise
from vla_core.remote.worker_process import WorkerCommand

__all__ = [
    "Backoff",
    "Deadlines",
    "Endpoint",
    "MAX_MESSAGE_BYTES",
    "ObservationKeys",
    "RemoteDeadlineError",
    "RemotePolicy",
    "ServerMetadata",
    "SupervisedPolicy",
    "WorkerCommand",
    "WorkerState",
    "WorkerStatus",
    "WorkerSupervisor",
    "packb",
    "parse_endpoint",
    "supervise",
    "unpack_mapping",
    "unpackb",
]
