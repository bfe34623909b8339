"""What can go wrong with a policy in another process, where the caller must react differently."""

from __future__ import annotations

from vla_core.errors import RemotePolicyError


class RemoteDeadlineError(RemotePolicyError):
    """No answer in time: the server hangs. Its connection has been dropped; kill it if it is yours."""
