"""Plans as vla_msgs/ActionChunk."""

from __future__ import annotations

import array

from geometry_msgs.msg import Twist
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from vla_core.types import FloatArray, JointPlan, TwistPlan
from vla_inference.inference.seen import ChunkTrace
from vla_inference.inference.stamps import to_duration, to_time
from vla_msgs.msg import ActionChunk, CameraEvidence, TimedTwist


def action_chunk_message(plan: JointPlan | TwistPlan, trace: ChunkTrace) -> ActionChunk:
    """The message of ``plan``; its stamp is the plan's t0."""
    message = ActionChunk()
    message.header.stamp = to_time(plan.t0_ns)
    message.chunk_id = trace.chunk_id
    message.instruction_id = trace.instruction_id
    message.policy_id = trace.policy_id
    message.instruction = trace.instruction
    message.speed_scale = trace.speed_scale
    message.cameras = [
        CameraEvidence(name=proof.name, stamp=to_time(proof.stamp_ns), content_hash=proof.content_hash)
        for proof in trace.cameras
    ]
    message.joint_state_stamp = to_time(trace.joint_state_ns)
    message.inference_start = to_time(trace.inference_start_ns)
    message.inference_end = to_time(trace.inference_end_ns)
    message.inference_ms = trace.inference_ms
    if isinstance(plan, TwistPlan):
        _fill_twists(message, plan)
    else:
        _fill_joints(message, plan)
    return message


def _fill_joints(message: ActionChunk, plan: JointPlan) -> None:
    message.kind = ActionChunk.KIND_JOINT
    trajectory = JointTrajectory(joint_names=list(plan.joint_names))
    trajectory.header.stamp = to_time(plan.t0_ns)
    for index, time_s in enumerate(plan.times_s):
        trajectory.points.append(
            JointTrajectoryPoint(
                positions=_doubles(plan.positions[index]),
                velocities=_doubles(plan.velocities[index]) if plan.velocities is not None else [],
                accelerations=_doubles(plan.accelerations[index]) if plan.accelerations is not None else [],
                time_from_start=to_duration(float(time_s)),
            )
        )
    message.joint_trajectory = trajectory
    if plan.gripper_joint is not None and plan.gripper_positions is not None:
        message.gripper_joint = plan.gripper_joint
        message.gripper_positions = _doubles(plan.gripper_positions)


def _fill_twists(message: ActionChunk, plan: TwistPlan) -> None:
    message.kind = ActionChunk.KIND_TWIST
    message.header.frame_id = plan.frame_id
    for time_s, values in zip(plan.times_s, plan.twists.tolist(), strict=True):
        twist = Twist()
        twist.linear.x, twist.linear.y, twist.linear.z = values[:3]
        twist.angular.x, twist.angular.y, twist.angular.z = values[3:]
        message.twists.append(TimedTwist(time_from_start=to_duration(float(time_s)), twist=twist))


def _doubles(values: FloatArray) -> array.array[float]:
    """As rclpy keeps float64[]: handed over whole, it is not checked element by element."""
    return array.array("d", values.tobytes())
