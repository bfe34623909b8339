"""The MuJoCo model: the arm from its URDF, actuators, table, cubes, lights and cameras."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from vla_sim.furniture_model import add_furniture
from vla_sim.robot import ARM_JOINTS, GRIPPER_JOINT, HOME_Q, MIMIC_JOINT, URDF_PATH, WRIST_CAMERA_FRAME
from vla_sim.spec import COLORS, CUBE_SIZE_M

TIMESTEP_S = 0.002
CAMERAS = ("front", "wrist")
IMAGE_SIZE_PX = 96
OVERVIEW_CAMERA = "overview"
"""A wide camera for people (videos, pictures); no policy sees it."""

# Servo gains: critically damped for the inertia each joint carries, time constant about 12 ms.
# [N m/rad], [N m s/rad]
ARM_KP = (9000.0, 9000.0, 6000.0, 6000.0, 2500.0, 2500.0, 1500.0)
ARM_KD = (220.0, 220.0, 150.0, 150.0, 55.0, 55.0, 30.0)
ARM_TORQUE_NM = (87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0)  # the URDF's effort limits
ARM_ARMATURE = (0.3, 0.3, 0.2, 0.2, 0.08, 0.08, 0.05)  # rotor inertia seen at the joint [kg m^2]
# Fingers close like a spring with a damper, time constant KD / KP = 87 ms, at first with 0.4 m/s; they hold with 20 N.
FINGER_KP, FINGER_KD, FINGER_FORCE_N = 1500.0, 130.0, 20.0

FRONT_POSITION_M = (1.02, 0.0, 0.76)
FRONT_LOOK_AT_M = (0.485, 0.0, 0.03)
FRONT_FOVY_DEG = 42.0
WRIST_FOVY_DEG = 88.0
CUBE_MASS_KG = 0.06

# Contact bits: the robot (1) touches table and cubes (2); cubes touch the table and each other.
_ROBOT, _WORLD = 1, 2


def build_spec(furnished: bool = False) -> mujoco.MjSpec:
    """The editable model of the whole tabletop: robot, table, one cube per colour, cameras; furniture if asked."""
    spec = mujoco.MjSpec.from_file(str(URDF_PATH))
    spec.modelname = "vla_tabletop"
    option = spec.option
    option.timestep = TIMESTEP_S
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.iterations = 30
    visual = spec.visual
    visual.quality.shadowsize = 4096
    visual.quality.offsamples = 0  # no multisampling: four times the frame rate, as a small camera would see it
    visual.global_.offwidth, visual.global_.offheight = 1280, 960
    visual.map.znear, visual.map.zfar = 0.01, 20.0
    spec.stat.extent, spec.stat.center = 1.0, [0.35, 0.0, 0.2]  # else the hidden cubes would stretch the shadow map
    _prepare_robot(spec)
    _add_actuators(spec)
    _add_surroundings(spec)
    _add_cubes(spec)
    if furnished:
        add_furniture(spec)
    _add_cameras(spec)
    return spec


def build_model(furnished: bool = False) -> mujoco.MjModel:
    """The compiled tabletop; about 50 ms."""
    return build_spec(furnished).compile()


def _prepare_robot(spec: mujoco.MjSpec) -> None:
    for body in spec.bodies:
        if body.name == "world":
            continue
        body.gravcomp = 1.0
        finger = body.name.endswith("_finger")
        for geom in body.geoms:
            if geom.contype == 0:  # a visual
                continue
            geom.contype, geom.conaffinity = _ROBOT, _WORLD
            geom.group = 3
            geom.condim = 4 if finger else 3
            geom.friction = [1.6, 0.02, 0.0005] if finger else [0.6, 0.005, 0.0001]
            if finger:
                geom.solref, geom.solimp = [0.006, 1.0], [0.95, 0.99, 0.001, 0.5, 2.0]
    for joint in spec.joints:
        if joint.name in ARM_JOINTS:
            joint.armature = ARM_ARMATURE[ARM_JOINTS.index(joint.name)]
        else:
            joint.armature = 0.2
    for equality in spec.equalities:  # the fingers' mimic
        equality.solref, equality.solimp = [0.005, 1.0], [0.95, 0.99, 0.001, 0.5, 2.0]


def _add_actuators(spec: mujoco.MjSpec) -> None:
    for index, name in enumerate(ARM_JOINTS):
        _position_servo(spec, name, ARM_KP[index], ARM_KD[index], ARM_TORQUE_NM[index])
    for name in (GRIPPER_JOINT, MIMIC_JOINT):
        _position_servo(spec, name, FINGER_KP, FINGER_KD, FINGER_FORCE_N)


def _position_servo(spec: mujoco.MjSpec, joint: str, kp: float, kd: float, limit: float) -> None:
    """torque = kp * (ctrl - q) - kd * dq, cut at ``limit`` [N m or N]."""
    actuator = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.gaintype, actuator.biastype = mujoco.mjtGain.mjGAIN_FIXED, mujoco.mjtBias.mjBIAS_AFFINE
    gain, bias = np.zeros_like(actuator.gainprm), np.zeros_like(actuator.biasprm)
    gain[0], bias[1], bias[2] = kp, -kp, -kd
    actuator.gainprm, actuator.biasprm = gain, bias
    actuator.forcelimited, actuator.forcerange = mujoco.mjtLimited.mjLIMITED_TRUE, [-limit, limit]
    actuator.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE


def _add_surroundings(spec: mujoco.MjSpec) -> None:
    world = spec.worldbody
    box, plane = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_PLANE
    table = world.add_geom(name="table", type=box, pos=[0.32, 0, -0.02], size=[0.52, 0.62, 0.02])
    table.rgba = [0.74, 0.66, 0.56, 1.0]
    table.contype, table.conaffinity, table.friction = _WORLD, _ROBOT | _WORLD, [0.6, 0.005, 0.0001]
    for index, (x, y) in enumerate([(-0.12, -0.54), (-0.12, 0.54), (0.76, -0.54), (0.76, 0.54)]):
        leg = world.add_geom(name=f"table_leg{index}", type=box, pos=[x, y, -0.40], size=[0.03, 0.03, 0.36])
        leg.rgba, leg.contype, leg.conaffinity = [0.25, 0.26, 0.28, 1.0], 0, 0
    floor = world.add_geom(name="floor", type=plane, pos=[0, 0, -0.76], size=[4, 4, 0.1])
    floor.rgba, floor.contype, floor.conaffinity = [0.46, 0.49, 0.53, 1.0], 0, 0
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.80, 0.85, 0.90], rgb2=[0.46, 0.49, 0.53], width=64, height=384,
    )  # fmt: skip
    world.add_light(
        name="key", type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=[0.6, -0.6, 2.0], dir=[-0.25, 0.25, -1.0],
        diffuse=[0.55] * 3, specular=[0.15] * 3, castshadow=True,
    )  # fmt: skip
    spec.visual.headlight.ambient = [0.42] * 3
    spec.visual.headlight.diffuse = [0.2] * 3
    spec.visual.headlight.specular = [0.0] * 3


def _add_cubes(spec: mujoco.MjSpec) -> None:
    half = CUBE_SIZE_M / 2
    for index, color in enumerate(COLORS):
        body = spec.worldbody.add_body(name=f"cube_{color}", pos=[0.4, 0.1 * index, -5.0])
        body.add_freejoint(name=f"cube_{color}")
        geom = body.add_geom(name=f"cube_{color}", type=mujoco.mjtGeom.mjGEOM_BOX, size=[half] * 3, mass=CUBE_MASS_KG)
        geom.contype, geom.conaffinity = _WORLD, _ROBOT | _WORLD
        geom.condim, geom.friction = 4, [0.5, 0.005, 0.0001]
        geom.rgba = [0.5, 0.5, 0.5, 1.0]


def _add_cameras(spec: mujoco.MjSpec) -> None:
    world = spec.worldbody
    world.add_camera(
        name="front", pos=FRONT_POSITION_M, quat=look_at(FRONT_POSITION_M, FRONT_LOOK_AT_M), fovy=FRONT_FOVY_DEG
    )
    eye = (1.45, -0.85, 0.95)
    world.add_camera(name=OVERVIEW_CAMERA, pos=eye, quat=look_at(eye, (0.28, 0.0, 0.26)), fovy=40.0)
    optical = spec.body(WRIST_CAMERA_FRAME)
    # MuJoCo cameras look along -z with y up; an optical frame looks along +z with y down: half a turn about x.
    optical.add_camera(name="wrist", pos=[0, 0, 0], quat=[0, 1, 0, 0], fovy=WRIST_FOVY_DEG)


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> NDArray[np.float64]:
    """Quaternion (w, x, y, z) of a MuJoCo camera at ``eye`` looking at ``target``, world +z up in the image."""
    back = np.subtract(eye, target)
    back /= np.linalg.norm(back)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    matrix = np.column_stack([right, np.cross(back, right), back])
    quat = np.zeros(4)
    mujoco.mju_mat2Quat(quat, matrix.reshape(9))
    return quat


def home_qpos(model: mujoco.MjModel) -> NDArray[np.float64]:
    """(nq,) with the arm at home, the gripper open and every cube out of sight."""
    qpos = np.array(model.qpos0)
    qpos[:7] = HOME_Q
    qpos[7:9] = 0.04
    return qpos
