"""A registry in memory, with one version in production."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from crosscloud_mnist.bundle import Bundle
from crosscloud_mnist.ports import LedgerEntry, ModelVersion
from crosscloud_mnist.promotion import ProductionModel

PRODUCTION = ProductionModel("mnist_cnn", "champion")
_GATES = '[{"gate": "minimum accuracy", "figure": 0.98, "threshold": 0.97, "passed": true}]'


class ProductionRegistry:
    """Version 2 in production, promoted after version 1; what is published is kept."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.version = ModelVersion(
            "mnist_cnn",
            "2",
            bundle.digest,
            {
                "verified": bundle.digest,
                "source_model": "models:/m-1",
                "source_workspace": "https://sandbox",
            },
        )
        self.entries = [
            LedgerEntry(
                *("promoted", "mnist_cnn", "champion", "2", bundle.digest, "1"),
                reason="every gate passed",
                gate_results=_GATES,
                actor="somebody@bank",
                timestamp="2026-01-02T03:04:05Z",
                completed=True,
            )
        ]
        self.pages: list[str] = []
        self.tags: dict[str, str] = {}

    def workspace(self) -> str:
        return "https://production"

    def get_version(self, name: str, number: str) -> ModelVersion:
        return ModelVersion(name, number, "", {"test_accuracy": "0.975"})

    def get_version_by_alias(self, name: str, alias: str) -> ModelVersion:
        return self.version

    def ledger(self, name: str) -> list[LedgerEntry]:
        return self.entries

    def download_version(self, version: ModelVersion, folder: Path) -> None:
        shutil.copytree(self.bundle.folder, folder)

    def log_report(self, version: ModelVersion, page: str) -> str:
        self.pages.append(page)
        return "https://production/run"

    def tag_version(self, version: ModelVersion, tags: Mapping[str, str]) -> None:
        self.tags.update(tags)
