"""The compiled kernels: optional, as NumPy does the same work, slower. All other metadata stands in setup.cfg."""

from setuptools import Extension, setup

KERNELS = ("columns", "html", "measure", "trees")

setup(
    ext_modules=[
        Extension(
            f"declutter.kernels.{name}",
            [f"declutter/kernels/{name}.c"],
            extra_compile_args=["-O3", "-fno-math-errno", "-ffp-contract=off"],  # the same floats as NumPy
            optional=True,  # without a compiler declutter installs all the same
        )
        for name in KERNELS
    ]
)
