"""The dev container: pinned, without secrets, set up by the commands of the project."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def container():
    return json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())


def test_its_image_has_a_full_version_and_a_python_that_the_project_supports(container):
    image = r"mcr\.microsoft\.com/devcontainers/python:\d+\.\d+\.\d+-(\d+\.\d+)-bookworm"
    python = re.fullmatch(image, container["image"])
    assert python
    lock = (PROJECT / "Makefile").read_text()
    assert f"--python-version {python[1]} " in lock  # make lock resolves for it


def test_it_is_set_up_by_targets_of_make_and_tools_of_the_lock(container):
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    locked = set(re.findall(r"^([\w-]+)==", (PROJECT / "requirements.lock").read_text(), re.M))
    commands = [command.split() for command in container["postCreateCommand"].split(" && ")]
    made = [words[1] for words in commands if words[0] == "make"]
    tools = [words[0].removeprefix(".venv/bin/") for words in commands if words[0] != "make"]
    assert made
    assert set(made) <= targets
    assert set(tools) <= locked


def test_it_installs_what_make_says_that_debian_needs(container):
    needed = re.findall(r"\(Debian: apt-get install ([^)]+)\)", (PROJECT / "Makefile").read_text())
    packages = {name for each in needed for name in each.split()} - {"wrk"}  # of make bench alone
    from_image = {"python3", "python3-venv"}
    installed = set(container["onCreateCommand"].partition("install ")[2].split())
    assert packages - from_image <= installed


def test_it_holds_no_variables_and_so_no_secrets(container):
    assert not {"containerEnv", "remoteEnv", "secrets", "runArgs", "mounts"} & container.keys()
