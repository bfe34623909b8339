"""The inside of a policy: normalized observations in, normalized actions out. Importing this registers them all."""

from vla_policy.models.bodies import composed

__all__ = ["composed"]
