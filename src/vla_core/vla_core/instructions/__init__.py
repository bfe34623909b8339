"""Which sentences may reach a policy: text, site policy, rate. No ROS; time is an argument."""

from vla_core.instructions.errors import InstructionError, InstructionPolicyError
from vla_core.instructions.intake import DEFAULT_MAX_CHARS, InstructionIntake
from vla_core.instructions.policy import InstructionPolicy, load_instruction_policy
from vla_core.instructions.rate import InstructionRate

__all__ = [
    "DEFAULT_MAX_CHARS",
    "InstructionError",
    "InstructionIntake",
    "InstructionPolicy",
    "InstructionPolicyError",
    "InstructionRate",
    "load_instruction_policy",
]
