"""What is imported when: serving stays light, and the root exports what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import finerouter

HEAVY = ("scipy", "faiss", "graspologic_native", "pyarrow", "rich", "click", "sklearn", "torch")
FITTING = ("finerouter.training", "finerouter.tasks.graph", "finerouter.tasks.discovery")


def modules_after(code: str) -> set[str]:
    """Names of the modules that a fresh process holds after running code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_the_package_imports_nothing_heavy() -> None:
    held = modules_after("import finerouter")
    assert not held & {*HEAVY, *FITTING, "tokenizers", "safetensors"}


def test_serving_imports_nothing_that_only_fitting_needs(router_folder: Path) -> None:
    code = (
        "from finerouter import Router\n"
        f"router = Router.load({str(router_folder)!r})\n"
        "router.explain('What is 1 plus 1?', cost_weight=1.0)\n"
    )
    assert not modules_after(code) & {*HEAVY, *FITTING}


def test_joining_a_model_imports_nothing_that_only_fitting_needs(router_folder: Path) -> None:
    code = (
        "from finerouter import Model, Router\n"
        "from finerouter.joining import join\n"
        f"join(Router.load({str(router_folder)!r}), Model('new'), like='tiny')\n"
    )
    assert not modules_after(code) & {*HEAVY, *FITTING}


def test_the_root_exports_what_it_says() -> None:
    assert sorted(finerouter.__all__) == finerouter.__all__
    assert all(hasattr(finerouter, name) for name in finerouter.__all__)
    classes = {name for name, value in vars(finerouter).items() if isinstance(value, type)}
    assert classes | {"__version__"} == set(finerouter.__all__)


def test_errors_of_users_can_be_caught_as_one() -> None:
    from finerouter import errors

    kinds = {value for value in vars(errors).values() if isinstance(value, type)}
    assert all(issubclass(kind, errors.FinerouterError) for kind in kinds)
    assert all(kind.__name__ in errors.__doc__ for kind in kinds)
    assert not issubclass(errors.EndpointError, errors.UserError)
    assert issubclass(errors.EncoderMismatch, errors.ArtifactError)
    assert issubclass(errors.NoEligibleModel, errors.PolicyError)
