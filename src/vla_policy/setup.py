from pathlib import Path

from setuptools import find_packages, setup


def tree(source: str, target: str) -> list[tuple[str, list[str]]]:
    """Every file below ``source``, for installation below ``target`` with the same folders."""
    root = Path(source)
    files = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    folders = sorted({p.parent for p in files})
    return [(str(Path(target) / f.relative_to(root)), [str(p) for p in files if p.parent == f]) for f in folders]


setup(
    name="vla_policy",
    version="0.1.0",
    description="Policies, their worker process, training and export for the VLA control suite; no ROS.",
    maintainer="VLA control suite maintainers",
    maintainer_email="maintainers@vla-control.dev",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"": ["py.typed", "*.yaml", "*.urdf", "*.xml"]},
    install_requires=["setuptools"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/vla_policy"]),
        ("share/vla_policy", ["package.xml"]),
        *tree("policies", "share/vla_policy/policies"),
    ],
    entry_points={
        "console_scripts": [
            "policy_worker = vla_policy.worker:run",
        ],
    },
    zip_safe=False,
)
