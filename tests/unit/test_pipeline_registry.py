"""Every node has its stage's tag, and those that change production have that one too."""

from __future__ import annotations

import pytest

from crosscloud_mnist.pipeline_registry import register_pipelines

STAGES = {
    *("ingest", "train", "register", "deploy", "smoke_test"),
    *("score", "monitor", "history", "report", "rollback", "doctor"),
}
PIPELINES = register_pipelines()


@pytest.mark.parametrize("name", PIPELINES)
def test_every_node_has_the_tag_of_one_stage(name):
    for node in PIPELINES[name].nodes:
        assert len(node.tags & STAGES) == 1, node
        assert node.tags <= STAGES | {"production"}


def test_a_stage_of_release_can_be_run_alone():
    names = {node.name for node in PIPELINES["release"].only_nodes_with_tags("deploy").nodes}
    assert names == {"resolve_alias", "deploy"}


@pytest.mark.parametrize(
    ("name", "expected"), [("release", "registered_model"), ("rollback", "rollback_result")]
)
def test_only_the_version_that_the_same_run_registered_is_deployed(name, expected):
    (resolve,) = [node for node in PIPELINES[name].nodes if node.name == "resolve_alias"]
    assert expected in resolve.inputs


def test_the_nodes_that_change_production_are_tagged():
    tagged = {
        name: {node.name for node in pipeline.only_nodes_with_tags("production").nodes}
        for name, pipeline in PIPELINES.items()
    }
    registers = {"remove_version", "publish", "verify_copy", "move_alias"}
    expected = {
        "register_remote": registers,
        "deploy": {"deploy"},
        "release": registers | {"deploy", "publish_report"},
        "report": {"publish_report"},
        "rollback": {"restore", "deploy"},
    }
    assert {name: nodes for name, nodes in tagged.items() if nodes} == expected
