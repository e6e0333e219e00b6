"""The generated reference: the facts come from the types, the files and the commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crosscloud_mnist.pipeline_registry import register_pipelines
from documentation import command_reference, configuration_reference
from documentation.docstring import describe_attributes
from documentation.json_schema import describe_type
from documentation.markdown import table

PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def configuration():
    return configuration_reference.render(PROJECT / "conf")


@pytest.fixture(scope="module")
def commands():
    return command_reference.render(PROJECT / "Makefile")


def cells_of(page, first):
    (row,) = [line for line in page.splitlines() if line.startswith(f"| `{first}` |")]
    return [cell.strip() for cell in row.split("|")[1:-1]]


def test_a_parameter_has_its_type_its_value_in_conf_and_its_meaning(configuration):
    _, kind, meaning, value = cells_of(configuration, "monitor.minimum_images")
    assert (kind, value) == ("integer, > `0`", "`100`")
    assert meaning == "The fewest images that a verdict may rest on."


def test_every_field_of_the_parameters_and_settings_has_a_meaning(configuration):
    rows = configuration.partition("## Globals")[0].splitlines()
    fields = [row for row in rows if row.startswith("| `")]
    assert len(fields) > 60
    assert [row for row in fields if not re.split(r"(?<!\\)\|", row)[3].strip()] == []


def test_a_group_that_is_a_global_refers_to_it(configuration):
    section = configuration.partition("### `contract`")[2].partition("###")[0]
    assert "In `conf/base`: `${globals:contract}`." in section
    assert cells_of(section, "contract.image_shape")[2].startswith("Height and width in pixels")


def test_a_global_has_the_value_of_each_environment_and_its_comment(configuration):
    row = cells_of(configuration, "minimum_accuracy")
    assert "`0.97`" in row
    assert row.count("`0.99`") >= 2
    assert cells_of(configuration, "require_git_commit")[-1].startswith("reject training where")


def test_an_environment_variable_names_the_files_that_read_it(configuration):
    assert cells_of(configuration, "MNIST_VERIFYING_KEY")[1] == "yes"
    assert "`conf/azure/globals.yml`" in cells_of(configuration, "MNIST_STORAGE")[2]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "number, > `0`, < `1`"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "text or null"),
        ({"enum": ["adam", "sgd"]}, '`"adam"` or `"sgd"`'),
        ({"$ref": "#/$defs/Config"}, "mapping"),
        ({"type": ["integer", "null"], "minimum": 1}, "integer, ≥ `1` or null, ≥ `1`"),
        ({}, "any"),
    ],
)
def test_a_json_schema_is_put_into_words(schema, text):
    assert describe_type(schema, {"Config": {"type": "object"}}) == text


def test_every_pipeline_and_every_target_of_make_is_listed(commands):
    assert [name for name in register_pipelines() if f"| `{name}` |" not in commands] == []
    targets = re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert [name for name in targets if f"| `make {name}` |" not in commands] == []
    assert cells_of(commands, "train")[-1] == "no"
    assert cells_of(commands, "release")[-1] == "yes"


def test_a_composed_pipeline_is_the_pipelines_that_it_runs(commands):
    assert cells_of(commands, "__default__")[1] == "`ingest_mnist`, then `train_distributed`"
    release = cells_of(commands, "release")[1]
    assert release == "`register_remote`, then `deploy`, then `smoke_test`, then `report`"


def test_the_options_of_kedro_run_are_those_of_this_project(commands):
    assert "| `--params` | name=value,name=value." in commands
    assert "| `--scope` | Secret scope; created if it does not exist. Required. |" in commands


def test_an_attribute_of_several_lines_is_one_text():
    class Described:
        """A class.

        Attributes:
            first: One line,
                and ``another``.
            second: Another.
        """

    expected = {"first": "One line, and `another`.", "second": "Another."}
    assert describe_attributes(Described) == expected


def test_a_bar_in_a_cell_does_not_end_it():
    assert table(["a"], [["x | y"]]) == "| a |\n| --- |\n| x \\| y |\n"
