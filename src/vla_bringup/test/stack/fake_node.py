"""A lifecycle node for the tests: says each transition to a file; refuses or crashes on request."""

import os
import signal
import sys
import threading

import rclpy
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions


class FakeNode(LifecycleNode):
    def __init__(self, name: str, behaviour: str) -> None:
        super().__init__(name)
        self.behaviour = behaviour

    def _on(self, what: str) -> TransitionCallbackReturn:
        print(f"{self.get_name()} {what}", flush=True)
        if self.behaviour == f"refuse_{what}":
            print("because I do not want to", flush=True)
            return TransitionCallbackReturn.FAILURE
        if self.behaviour == f"crash_{what}":
            os._exit(7)
        return TransitionCallbackReturn.SUCCESS

    def on_configure(self, state):
        return self._on("configure")

    def on_activate(self, state):
        return self._on("activate")

    def on_deactivate(self, state):
        return self._on("deactivate")


def main() -> None:
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    node = FakeNode(sys.argv[1], sys.argv[2])
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    while not stop.is_set():
        rclpy.spin_once(node, timeout_sec=0.05)
    print(f"{sys.argv[1]} interrupted", flush=True)


if __name__ == "__main__":
    main()
