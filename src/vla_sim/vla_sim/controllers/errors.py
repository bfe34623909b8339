"""Why a controller refuses a command."""

from vla_core.errors import VlaError


class CommandRejectedError(VlaError):
    """A command that a ros2_control controller would refuse; what ran before goes on running."""
