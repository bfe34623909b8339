"""What rclpy's lifecycle nodes lack."""

from __future__ import annotations

from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.lifecycle import LifecycleNode


def answer_impossible_transitions(node: LifecycleNode) -> None:
    """Refuse a transition that the node's state does not have, as rclcpp's nodes do.

    rclpy lets the error through to the executor, so that anybody who asks an active node to configure ends its process.
    """
    service = node._service_change_state
    change = service.callback

    def answer(request: Any, response: Any) -> Any:
        before = node._state_machine.current_state
        try:
            return change(request, response)
        except _rclpy.RCLError as error:
            if node._state_machine.current_state != before:
                raise  # something else, in the middle of a transition
            wanted = request.transition.label or request.transition.id
            node.get_logger().warning(f"transition {wanted} refused, the state is {before[1]}: {error}")
            response.success = False
            return response

    service.callback = answer
