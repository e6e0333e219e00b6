"""The parameters of ``train_distributed``."""

from __future__ import annotations

from pydantic import ConfigDict, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from crosscloud_mnist.ports import Mode
from crosscloud_mnist.training.config import Count, Setting, TrainingConfig
from crosscloud_mnist.training.grid import Grid, apply_changes, expand


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TrainDistributedParameters:
    """The parameters ``train_distributed``.

    Attributes:
        mode: Where training runs: see ``ports.Launcher``.
        recipe: The name of the recipe that the settings come from.
        settings: What to train.
        grid: What mode ``custom`` tries instead of some of the settings, one model per slot: see
            ``training.grid.expand``. Without a grid it trains one model on all slots together.
        checkpoint_dir: Folder of checkpoints and epoch records, on storage that the driver and
            every worker see; each run uses a folder of its own there.
        git_commit: Of the code.
        golden_images_per_class: Images of each class in the bundle's golden set.
    """

    mode: Mode
    recipe: str
    settings: TrainingConfig
    grid: Grid | None
    checkpoint_dir: str
    git_commit: str
    golden_images_per_class: Count

    @field_validator("grid")
    @classmethod
    def _check_grid(cls, grid: Grid | None, info: ValidationInfo) -> Grid | None:
        if "settings" in info.data:  # they are valid
            apply_changes(info.data["settings"], expand(grid))
        return grid

    def changes(self) -> tuple[dict[str, Setting], ...]:
        """Return what each training changes of the settings: nothing, but in mode ``custom``."""
        return expand(self.grid if self.mode == "custom" else None)

    def flatten(self) -> dict[str, object]:
        """Return the values by their full names, as they are given on the command line."""
        values = {
            "mode": self.mode,
            "recipe": self.recipe,
            **{f"settings.{name}": value for name, value in self.settings.settings().items()},
            "grid": self.grid if self.mode == "custom" else None,
        }
        return {f"train_distributed.{name}": value for name, value in values.items()}
