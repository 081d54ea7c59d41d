"""The compiled kernels: optional, as NumPy does the same work, slower. All other metadata stands in setup.cfg."""

from pathlib import Path

from setuptools import Extension, setup

FOLDER = Path("declutter/stages/kernels")
KERNELS = ("columns", "html", "measure", "network", "trees")
SAME_FLOATS = "-ffp-contract=off"  # as NumPy makes them
EXACT = {"network": "-ffp-contract=fast"}  # sums that are exact may be made in any way

for name in KERNELS:  # in a checkout: a kernel built before 0.2 has the name of its twin in NumPy, and would hide it
    for built in (*FOLDER.glob(f"{name}.*.so"), *FOLDER.glob(f"{name}.*.pyd")):
        built.unlink()

setup(
    ext_modules=[
        Extension(
            f"declutter.stages.kernels._{name}",  # beside {name}.py, the same functions in NumPy
            [f"{FOLDER}/{name}.c"],
            depends=[f"{FOLDER}/kernel.h"],
            extra_compile_args=["-O3", "-fno-math-errno", EXACT.get(name, SAME_FLOATS)],
            optional=True,  # without a compiler declutter installs all the same
        )
        for name in KERNELS
    ]
)
