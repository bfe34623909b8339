"""The inside of a policy: normalized observations in, normalized actions out. Importing this registers them all."""

from vla_policy.models.bodies import action_tokens, composed, pi0, q_transformer

__all__ = ["action_tokens", "composed", "pi0", "q_transformer"]
