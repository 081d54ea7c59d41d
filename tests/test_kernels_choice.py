"""Which kernels run: compiled ones or their NumPy twins, as DECLUTTER_KERNELS asks; and that people are told."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from declutter.stages import kernels

ROOT = Path(__file__).parent.parent
SHOW = (
    "from declutter.stages import kernels as k; print(k.in_use(), *(getattr(k, n).__name__ for n in k.NAMES), sep='|')"
)
HIDE = "import sys; sys.modules.update(dict.fromkeys(('declutter.stages.kernels._' + n for n in {}), None)); "
needs_kernels = pytest.mark.skipif(
    not all(map(kernels.compiled, kernels.NAMES)), reason="no kernels: declutter was installed without a compiler"
)


def run(code, choice):
    """(exit code, what a fresh interpreter says) under DECLUTTER_KERNELS=choice."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DECLUTTER_KERNELS": choice}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout.strip() or ended.stderr.strip()


@needs_kernels
@pytest.mark.parametrize(("choice", "said", "prefix"), [("", "compiled", "_"), ("numpy", "NumPy, slower: as", "")])
def test_one_choice_for_all_kernels(choice, said, prefix):
    code, answer = run(SHOW, choice)
    told, *names = answer.split("|")
    assert code == 0 and told.startswith(said)
    assert [name.rpartition(".")[2] for name in names] == [prefix + name for name in kernels.NAMES]


def test_without_compiled_kernels_their_twins_run_and_say_so():
    code, answer = run(HIDE.format(kernels.NAMES) + SHOW, "")
    assert code == 0 and answer.startswith("NumPy, slower: no C compiler at installation|")


@needs_kernels
def test_one_kernel_that_is_missing_is_named():
    code, answer = run(HIDE.format(("html",)) + SHOW, "")
    assert code == 0 and answer.startswith("NumPy for html, slower: no C compiler at installation|")


def test_compiled_kernels_that_are_asked_for_and_missing_are_an_error():
    code, answer = run(HIDE.format(("trees",)) + SHOW, "compiled")
    assert code == 1 and "the kernel trees was not compiled" in answer


def test_an_unknown_choice_is_an_error():
    code, answer = run(SHOW, "fast")
    assert code == 1 and "DECLUTTER_KERNELS=fast" in answer


@needs_kernels
@pytest.mark.parametrize("name", kernels.NAMES)
def test_a_twin_has_the_functions_of_its_kernel_with_the_same_arguments(name):
    functions = {key: value for key, value in vars(kernels.compiled(name)).items() if inspect.isbuiltin(value)}
    assert functions
    for key, function in functions.items():
        arguments = re.sub(r"\s+", " ", function.__text_signature__.strip("()"))
        of_twin = inspect.signature(getattr(kernels.twin(name), key)).parameters
        if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in of_twin.values()):
            assert list(of_twin) == [argument.strip() for argument in arguments.replace("$module, ", "").split(",")]
