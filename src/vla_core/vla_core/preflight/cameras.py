"""The contract's cameras against the robot's: presence, size, encoding and rate."""

from __future__ import annotations

from collections.abc import Iterator

from vla_core.contract.model import CameraSpec, Contract
from vla_core.images.compressed import COMPRESSED_FORMATS
from vla_core.images.conversion import COLOUR_ENCODINGS
from vla_core.images.preprocess import size_mismatch
from vla_core.preflight.facts import CameraFacts, RobotFacts
from vla_core.preflight.report import Finding, refuse, warn


def check_cameras(contract: Contract, robot: RobotFacts) -> Iterator[Finding]:
    """Each camera of the contract, then all of them together."""
    known = {camera.name: camera for camera in robot.cameras}
    for spec in contract.cameras:
        camera = known.get(spec.name)
        if camera is None:
            names = ", ".join(known) or "(none)"
            yield refuse(
                f"camera {spec.name}",
                f"the robot has no such camera; it has {names}",
                f"add '{spec.name}' to the parameter cameras and give it the right topic",
            )
        elif camera.width is None or camera.height is None:
            yield refuse(
                f"camera {spec.name}", f"no image has come on {camera.topic}", "start the camera, check topic and QoS"
            )
        else:
            yield from _check_image(spec, camera, camera.width, camera.height)
            yield from _check_rate(spec, camera, contract.action.period_s)
    yield from _check_skew(contract, known)


def _check_image(spec: CameraSpec, camera: CameraFacts, width: int, height: int) -> Iterator[Finding]:
    subject = f"camera {spec.name}"
    mismatch = size_mismatch(width, height, spec)
    if mismatch is not None:
        difference, _, remedy = mismatch.partition("; ")
        yield refuse(subject, difference, remedy)
    encoding = camera.encoding or ""
    valid: tuple[str, ...] = COMPRESSED_FORMATS if camera.compressed else COLOUR_ENCODINGS
    words = encoding.lower().replace(";", " ").split() if camera.compressed else [encoding]
    if not any(word in valid for word in words):
        yield refuse(subject, f"its encoding is '{encoding}'", f"let the driver publish one of {', '.join(valid)}")


def _check_rate(spec: CameraSpec, camera: CameraFacts, period_s: float) -> Iterator[Finding]:
    subject = f"camera {spec.name}"
    if camera.rate_hz is None:
        yield refuse(subject, f"only one image has come on {camera.topic}", "check that the camera keeps publishing")
    elif camera.rate_hz * spec.max_age_s < 1.0:
        yield refuse(
            subject,
            f"comes at {camera.rate_hz:.1f} Hz, so that its images are older than max_age_s {spec.max_age_s:g}",
            f"raise its rate above {1 / spec.max_age_s:.1f} Hz",
        )
    elif camera.rate_hz * period_s < 0.9:
        yield warn(
            subject,
            f"comes at {camera.rate_hz:.1f} Hz, slower than the policy's actions ({1 / period_s:.1f} Hz)",
            "raise its rate, or the policy acts on the same image twice",
        )


def _check_skew(contract: Contract, known: dict[str, CameraFacts]) -> Iterator[Finding]:
    """Free-running cameras lie up to half the faster one's period apart."""
    rates = [known[name].rate_hz for name in contract.camera_names if name in known]
    measured = [rate for rate in rates if rate]
    if len(measured) < 2 or len(measured) < len(contract.cameras):
        return
    apart_s = 0.5 / sorted(measured)[-1]
    if apart_s > contract.max_skew_s:
        yield warn(
            "cameras",
            f"unsynchronized they may lie {apart_s:.3f} s apart, allowed is max_skew_s {contract.max_skew_s:g}",
            "raise the rate of one, or trigger them together",
        )
