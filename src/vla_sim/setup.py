from pathlib import Path

from setuptools import find_packages, setup


def tree(source: str, target: str) -> list[tuple[str, list[str]]]:
    """Every file below ``source``, for installation below ``target`` with the same folders."""
    root = Path(source)
    files = sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    folders = sorted({p.parent for p in files})
    return [(str(Path(target) / f.relative_to(root)), [str(p) for p in files if p.parent == f]) for f in folders]


setup(
    name="vla_sim",
    version="0.1.0",
    description="A simulated 7-DOF arm on a table: URDF, scene, tasks, scripted expert, environment, node.",
    maintainer="VLA control suite maintainers",
    maintainer_email="maintainers@vla-control.dev",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"vla_sim": ["py.typed", "assets/*"]},
    install_requires=["setuptools"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/vla_sim"]),
        ("share/vla_sim", ["package.xml"]),
        *tree("vla_sim/assets", "share/vla_sim/urdf"),
        *tree("config", "share/vla_sim/config"),
        *tree("launch", "share/vla_sim/launch"),
        *tree("worlds", "share/vla_sim/worlds"),
    ],
    entry_points={
        "console_scripts": [
            "sim_node = vla_sim.sim_node:main",
        ],
    },
    zip_safe=False,
)
