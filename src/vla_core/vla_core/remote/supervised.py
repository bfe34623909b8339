"""A remote policy whose worker is supervised here: a hung call costs the worker its life."""

from __future__ import annotations

import time
from collections.abc import Callable

from vla_core.contract import Contract
from vla_core.errors import RemotePolicyError
from vla_core.remote.client import RemotePolicy
from vla_core.remote.errors import RemoteDeadlineError
from vla_core.remote.supervisor import WorkerState, WorkerStatus, WorkerSupervisor
from vla_core.types import ActionChunk, Observation

_DEATH_NOTICE_S = 1.0


class SupervisedPolicy:
    """``remote`` served by the worker of ``supervisor``, which must have been started.

    While the worker is down, calls fail at once; as soon as it serves again, the next call reconnects.
    """

    def __init__(
        self, supervisor: WorkerSupervisor, remote: RemotePolicy, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock = clock
        self._supervisor = supervisor
        self._remote = remote

    @property
    def contract(self) -> Contract:
        """What the numbers mean; known once ``connect`` has succeeded."""
        return self._remote.contract

    @property
    def status(self) -> WorkerStatus:
        """Of the worker."""
        return self._supervisor.status

    def connect(self, deadline_s: float) -> None:
        """Wait until the worker serves, and connect.

        Raises:
            RemotePolicyError: it refused to serve (the message says why), or does not serve by the deadline.
        """
        end = self._clock() + deadline_s
        while True:
            self._supervisor.wait_ready(max(0.0, end - self._clock()))
            status = self._supervisor.status
            try:
                return self._remote.connect()
            except RemotePolicyError:
                # The worker may have died and its supervisor not know yet: then there is another one to wait for.
                if not self._supervisor.wait_change(status, min(_DEATH_NOTICE_S, max(0.0, end - self._clock()))):
                    raise

    def infer(self, observation: Observation) -> ActionChunk:
        """The worker's chunk.

        Raises:
            RemoteDeadlineError: it hung, and is being killed and started again.
            RemotePolicyError: it is down; the message says why.
            ObservationError, ActionError: as for any policy.
        """
        self._ensure_up()
        try:
            return self._remote.infer(observation)
        except RemoteDeadlineError as error:
            self._supervisor.report_hang(str(error))
            raise

    def reset(self) -> None:
        """Forget the running episode; errors as in ``infer``."""
        self._ensure_up()
        try:
            self._remote.reset()
        except RemoteDeadlineError as error:
            self._supervisor.report_hang(str(error))
            raise

    def close(self) -> None:
        """Disconnect, and end the worker and its supervision."""
        self._remote.close()
        self._supervisor.stop()

    def _ensure_up(self) -> None:
        status = self._supervisor.status
        if status.state is not WorkerState.READY:
            raise RemotePolicyError(f"policy worker is {status.state.value}. {status.failure}".rstrip(" ."))
        if not self._remote.connected:
            self._remote.connect()
