import threading
from collections.abc import Iterator

import pytest
from rclpy.subscription import Subscription
from std_msgs.msg import String
from std_srvs.srv import Trigger

from vla_bringup.errors import NotRunningError
from vla_bringup.graph.session import LATCHED, Session

pytestmark = pytest.mark.ros
PATIENCE_S = 20.0


@pytest.fixture
def ros(ros_domain: int) -> Iterator[Session]:
    session = Session("session_test")
    yield session
    session.close()


def test_a_message_wakes_the_wait(ros: Session) -> None:
    heard: list[str] = []
    ros.subscribe(String, "word", lambda message: heard.append(message.data), LATCHED)
    ros.node.create_publisher(String, "word", LATCHED).publish(String(data="hello"))
    assert ros.wait_for(lambda: heard == ["hello"], PATIENCE_S)


def test_a_missing_service_says_how_to_start_the_stack(ros: Session) -> None:
    with pytest.raises(NotRunningError, match=r"/vla/reset.*vla up"):
        ros.client(Trigger, "vla/reset", timeout_s=0.1)


def test_a_watchdog_ends_a_wait(ros: Session) -> None:
    def bark() -> None:
        raise ZeroDivisionError

    ros.watchdog = bark
    with pytest.raises(ZeroDivisionError):
        ros.wait_for(lambda: False, PATIENCE_S)


def test_what_is_dismissed_is_destroyed_on_the_thread_that_waits_for_it(
    ros: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Destroyed by another while a wait is being prepared, it would end the listening to everything."""
    threads: list[str] = []
    destroy = ros.node.destroy_subscription

    def noting(subscription: Subscription) -> bool:
        threads.append(threading.current_thread().name)
        ros.notify()
        return destroy(subscription)

    monkeypatch.setattr(ros.node, "destroy_subscription", noting)
    ros.dismiss(ros.subscribe(String, "word", lambda message: None, LATCHED))
    assert ros.wait_for(lambda: threads == ["session_test_ros"], PATIENCE_S)
    ros.wait_for(lambda: not list(ros.node.subscriptions), PATIENCE_S)
    assert not list(ros.node.subscriptions)
