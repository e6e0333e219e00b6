"""Everything that is kept on storage can be written to a Unity Catalog volume."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosscloud_mnist.datasets.bundle import BundleDataset
from crosscloud_mnist.errors import BundleError
from rehearsal.volume import Volume, enforcements, mounted

pytestmark = pytest.mark.process

HERE = Path(__file__).parent
NAMES = (
    *("bundle", "images", "shards", "arrays", "checkpoints"),
    *("model URI", "reports", "stream", "run lock"),
)
VOLUMES = [(kind, renames) for kind in enforcements() for renames in (False, True)]


def start(script: str, volume: Volume, *arguments: str) -> subprocess.Popen[str]:
    paths = [volume.variables.get("PYTHONPATH"), str(HERE.parents[2]), str(HERE)]
    return subprocess.Popen(
        [sys.executable, str(HERE / script), str(volume.path), *arguments],
        env={**os.environ, **volume.variables, "PYTHONPATH": ":".join(filter(None, paths))},
        stdout=subprocess.PIPE,
        text=True,
    )


def write_all(volume: Volume) -> dict[str, str]:
    with start("volume_writers.py", volume) as process:
        output, _ = process.communicate(timeout=300)
    return json.loads(output.splitlines()[-1])


@pytest.fixture(scope="module", params=VOLUMES, ids=lambda each: f"{each[0]}-renames-{each[1]}")
def outcomes(request, tmp_path_factory):
    enforcement, renames_files = request.param
    folder = tmp_path_factory.mktemp("volume")
    with mounted(folder, enforcement=enforcement, renames_files=renames_files) as volume:
        outcomes = write_all(volume)
    temporary = [path for path in folder.rglob(".*") if path.name not in (".locks", ".complete")]
    assert temporary == []
    return outcomes


@pytest.mark.parametrize("name", NAMES)
def test_a_volume_takes_what_is_kept_on_storage(outcomes, name):
    assert outcomes[name] == "written"
    assert set(outcomes) == set(NAMES)


@pytest.mark.parametrize("enforcement", enforcements())
def test_a_volume_that_is_busy_is_tried_again(tmp_path, enforcement):
    with mounted(tmp_path, busy_writes=3, enforcement=enforcement) as volume:
        assert set(write_all(volume).values()) == {"written"}


@pytest.mark.parametrize("files", [0, 5])
def test_a_bundle_whose_writer_was_killed_is_absent_and_the_next_run_completes_it(tmp_path, files):
    with mounted(tmp_path) as volume:
        bundle = BundleDataset(
            filepath=str(volume.path / "bundle"), credentials={"private_key": None}
        )
        assert write_all(volume)["bundle"] == "written"
        assert bundle.exists()
        with start("interrupted_writer.py", volume, str(files)) as process:
            assert process.stdout is not None
            assert "stopped" in process.stdout.readline()
            process.kill()
        assert not bundle.exists()
        with pytest.raises(Exception, match="is not a complete bundle") as raised:
            bundle.load()
        assert isinstance(raised.value.__cause__, BundleError)
        assert write_all(volume)["bundle"] == "written"
        assert bundle.exists()
