"""The policy seam: two methods and a contract. Everything else is a wrapper with the same interface."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vla_core.contract import Contract
from vla_core.types import ActionChunk, Observation


@runtime_checkable
class Policy(Protocol):
    """Turns one observation into one chunk of actions."""

    @property
    def contract(self) -> Contract:
        """What the numbers mean."""
        ...

    def infer(self, observation: Observation) -> ActionChunk:
        """The chunk for ``observation``.

        Raises:
            ObservationError: the observation does not satisfy the contract.
            ActionError: the model returned something that is not a valid chunk.
        """
        ...

    def reset(self) -> None:
        """Forget everything about the running episode."""
        ...
