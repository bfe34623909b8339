"""The thread that owns the GL context: turns the newest snapshot into pictures. No ROS.

It works on copies, so that a slow picture never holds up the physics; a snapshot that comes while another
is being drawn replaces the one that waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)


class Renderer(Protocol[S_contra]):
    """Draws a snapshot and hands the pictures on. Made, used and closed on the render thread."""

    def render(self, snapshot: S_contra) -> None:
        """Draw ``snapshot`` and publish."""

    def close(self) -> None:
        """Free the GL context."""


class RenderLoop(Generic[S]):
    """Runs a renderer on a thread of its own.

    make_renderer: called on the thread, which owns the GL context that it opens.
    on_error: called on the thread, once, with whatever ended it.
    """

    def __init__(self, make_renderer: Callable[[], Renderer[S]], on_error: Callable[[BaseException], None]) -> None:
        self._make_renderer = make_renderer
        self._on_error = on_error
        self._condition = threading.Condition()
        self._waiting: S | None = None
        self._stopping = False
        self._ready = threading.Event()
        self.rendered = 0  # snapshots drawn
        self.dropped = 0  # snapshots replaced before they were drawn
        self._thread = threading.Thread(target=self._run, name="render", daemon=True)

    def start(self, timeout_s: float = 60.0) -> None:
        """Begin, and wait until the renderer is made: that takes long, and nothing need be drawn before."""
        self._thread.start()
        self._ready.wait(timeout_s)

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the thread after the picture it is at. Idempotent; may be called before ``start``."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def submit(self, snapshot: S) -> None:
        """Have ``snapshot`` drawn as soon as the thread is free. Never waits."""
        with self._condition:
            self.dropped += self._waiting is not None
            self._waiting = snapshot
            self._condition.notify()

    def _next(self) -> S | None:
        with self._condition:
            self._condition.wait_for(lambda: self._stopping or self._waiting is not None)
            if self._stopping:
                return None
            snapshot, self._waiting = self._waiting, None
            return snapshot

    def _run(self) -> None:
        try:
            renderer = self._make_renderer()
            self._ready.set()
            try:
                while (snapshot := self._next()) is not None:
                    renderer.render(snapshot)
                    self.rendered += 1
            finally:
                renderer.close()
        except BaseException as error:
            self._on_error(error)
            self._ready.set()
