"""The configuration of a job: the archive of ``kedro package`` is used as a folder is."""

from __future__ import annotations

import logging
import tarfile
from pathlib import Path

import pytest

from crosscloud_mnist.errors import ConfigurationError
from crosscloud_mnist.hooks.conf_source import open_conf_source
from crosscloud_mnist.hooks.configuration import CachingConfigLoader
from crosscloud_mnist.hooks.parameters import check_parameters

_LOGGING = "version: 1\ndisable_existing_loggers: false\nloggers: {conf_source_test: {level: 17}}\n"


@pytest.fixture
def archive(tmp_path):
    conf = tmp_path / "project" / "conf"
    (conf / "base").mkdir(parents=True)
    (conf / "base" / "parameters.yml").write_text("images: ${runtime_params:images,none}\n")
    (conf / "logging.yml").write_text(_LOGGING)
    path = tmp_path / "conf-crosscloud_mnist.tar.gz"
    with tarfile.open(path, "w:gz") as opened:
        opened.add(conf, "conf")
    return path


def test_an_archive_is_unpacked_for_the_time_of_the_run(archive):
    with open_conf_source(str(archive)) as folder:
        assert (Path(folder) / "base" / "parameters.yml").is_file()
    assert not Path(folder).exists()


def test_a_parameter_that_only_an_archive_names_is_known(archive):
    with open_conf_source(str(archive)) as folder:
        loader = CachingConfigLoader(
            folder, base_env="base", default_run_env="base", runtime_params={"images": "folder"}
        )
        check_parameters(loader, {})


def test_the_logging_of_the_configuration_is_applied(archive):
    with open_conf_source(str(archive)):
        assert logging.getLogger("conf_source_test").level == 17


def test_a_folder_and_the_projects_own_conf_are_left_as_they_are(tmp_path):
    for source in (None, str(tmp_path)):
        with open_conf_source(source) as opened:
            assert opened == source


@pytest.mark.parametrize(
    ("content", "message"), [(b"no archive", "cannot be read"), (None, "has no folder base")]
)
def test_an_archive_that_holds_no_configuration_is_named(tmp_path, content, message):
    path = tmp_path / "conf.tar.gz"
    if content is None:
        with tarfile.open(path, "w:gz") as opened:
            opened.add(__file__, "conf/other.py")
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=message), open_conf_source(str(path)):
        pass
