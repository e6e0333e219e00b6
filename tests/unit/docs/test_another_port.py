"""The block of ``docs/laptop.md`` for another port: the rest of it is what ``conf/base`` has."""

from __future__ import annotations

import shutil
from pathlib import Path

from kedro.config import OmegaConfigLoader

from crosscloud_mnist.settings import CONFIG_LOADER_ARGS
from documentation.shell_blocks import read_blocks

PROJECT = Path(__file__).parents[3]


def test_another_port_changes_nothing_else(tmp_path):
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf" / "base", conf / "base")
    (conf / "local").mkdir()
    before = endpoint_of(conf)
    (block,) = (
        block
        for block in read_blocks(PROJECT)
        if block.page == "docs/laptop.md" and block.language == "yaml"
    )
    (conf / "local" / "globals.yml").write_text(block.text)
    assert endpoint_of(conf) == before | {"port": 8502} != before


def endpoint_of(conf: Path) -> dict[str, object]:
    return OmegaConfigLoader(str(conf), **CONFIG_LOADER_ARGS)["catalog"]["endpoint"]["options"]
