"""Errors a user can act on.

Each message names the offending field, its value, the valid choices and the remedy. ``ValueError`` and
``TypeError`` stay for broken internal invariants.
"""


class VlaError(Exception):
    """Base of every error that is meant for the user."""


class ContractError(VlaError):
    """A policy contract is malformed, or does not say what it must."""


class BundleError(VlaError):
    """A policy bundle is incomplete, or its files differ from their hashes."""


class PreflightError(VlaError):
    """The live robot is not the one that the policy's contract describes."""


class ObservationError(VlaError):
    """An observation does not satisfy the contract: missing camera, wrong size, NaN, stale or skewed."""


class ActionError(VlaError):
    """A policy returned something that is not a valid action chunk."""


class LimitsError(VlaError):
    """Joint limits are missing or contradictory."""


class WorkspaceError(LimitsError):
    """A workspace description cannot be used, or does not fit the robot."""


class KinematicsError(VlaError):
    """A pose cannot be reached, or a robot model cannot be used."""


class RemotePolicyError(VlaError):
    """The policy worker or server failed, hung, or spoke another protocol."""
