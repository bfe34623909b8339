from setuptools import find_packages, setup

setup(
    name="vla_core",
    version="0.1.0",
    description="Types, contract, chunk scheduling, kinematics and safety rules of the VLA control suite; no ROS.",
    maintainer="VLA control suite maintainers",
    maintainer_email="maintainers@vla-control.dev",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(exclude=["test", "test.*"]),
    package_data={"": ["py.typed", "*.yaml", "*.urdf", "*.xml"]},
    install_requires=["setuptools"],
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/vla_core"]),
        ("share/vla_core", ["package.xml"]),
    ],
    zip_safe=False,
)
