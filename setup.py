"""The compiled kernels: optional, as NumPy does the same work, slower. All other metadata stands in setup.cfg."""

from setuptools import Extension, setup

KERNELS = ("columns", "html", "measure", "network", "trees")
SAME_FLOATS = "-ffp-contract=off"  # as NumPy makes them
EXACT = {"network": "-ffp-contract=fast"}  # sums that are exact may be made in any way

setup(
    ext_modules=[
        Extension(
            f"declutter.stages.kernels.{name}",
            [f"declutter/stages/kernels/{name}.c"],
            extra_compile_args=["-O3", "-fno-math-errno", EXACT.get(name, SAME_FLOATS)],
            optional=True,  # without a compiler declutter installs all the same
        )
        for name in KERNELS
    ]
)
