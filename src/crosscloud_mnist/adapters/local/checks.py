"""Checks of this machine: environment variables and keys."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path

from crosscloud_mnist.bundle import Signer
from crosscloud_mnist.bundle.keys import check_public_key
from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.isolation.check_runner import (
    NotApplicableError,
    Step,
    WaitingError,
    run_steps,
)
from crosscloud_mnist.ports import Check

_AREA = "environment"
_CREATED = "none yet: training creates the pair"
_VERIFYING_KEY = "MNIST_VERIFYING_KEY"


class EnvironmentChecks:
    """Checks the variables that conf requires, and the key pair: see ``ports.Checker``.

    Args:
        required_env: Environment variables that must be set: lists of alternatives.
        private_key: PEM text, or the path of a PEM file; ``None`` where this workspace does not
            train.
        public_key: The same of its public key.
        generate_signing_key: Whether training creates the key pair.
    """

    def __init__(
        self,
        *,
        required_env: Sequence[Sequence[str]],
        generate_signing_key: bool,
        private_key: str | None = None,
        public_key: str | None = None,
    ) -> None:
        self._required_env = required_env
        self._private_key, self._public_key = private_key, public_key
        self._generate_signing_key = generate_signing_key

    def check(self, earlier: Sequence[Check]) -> list[Check]:
        """Return the checks of this machine."""
        steps = [
            Step(
                " or ".join(names),
                "a value",
                partial(_find_variable, names),
                remedy="set it; globals.yml of the environment says what it is",
            )
            for names in self._required_env
        ]
        keys = [
            Step("verifying key", "a public key", self._check_public_key),
            Step(
                "signing key",
                "the private key of the verifying key",
                self._check_key_pair,
                requires=["verifying key"],
            ),
        ]
        python = Step("Python", "3.11 to 3.13", _describe_python, is_required=False)
        return run_steps(_AREA, [python, *steps, *keys], earlier)

    def _check_public_key(self) -> str:
        if not self._public_key and any(_VERIFYING_KEY in names for names in self._required_env):
            raise WaitingError(f"{_VERIFYING_KEY} is not set")
        if self._is_created_by_training():
            return _CREATED
        check_public_key(self._public_key)
        return "a public key"

    def _check_key_pair(self) -> str:
        if not self._private_key:
            raise NotApplicableError("there is none: this workspace does not train")
        if self._is_created_by_training():
            return _CREATED
        Signer(self._private_key, self._public_key).check()
        return "a pair with the verifying key"

    def _is_created_by_training(self) -> bool:
        return self._generate_signing_key and not Path(self._private_key or "").is_file()


def _find_variable(names: Sequence[str]) -> str:
    existing = [name for name in names if os.environ.get(name)]
    if not existing:
        raise ConfigurationError(f"{' or '.join(names)} is not set")
    return f"{', '.join(existing)} is set"


def _describe_python() -> str:
    return f"Python {platform.python_version()}, crosscloud-mnist {version('crosscloud-mnist')}"
