"""The entry point as a job's task calls it: success returns, and a failure raises its message."""

from __future__ import annotations

import click
import pytest

from crosscloud_mnist import __main__ as entry_point


@click.command()
@click.option("--env")
@click.option("--pipelines")
def command(env: str, pipelines: str) -> dict[str, str]:
    if env == "nowhere":
        raise click.ClickException("there is no environment nowhere")
    if env == "interrupted":
        raise KeyboardInterrupt
    return {"pipelines": pipelines}


@pytest.fixture(autouse=True)
def _no_project(monkeypatch):
    monkeypatch.setattr(entry_point, "_load_command", lambda package: command)
    monkeypatch.setattr(entry_point, "prepare_processes", list)


def call(monkeypatch, *arguments: str):
    monkeypatch.setattr("sys.argv", ["task", *arguments])
    return entry_point.main()


def test_a_task_that_succeeds_returns_nothing_and_does_not_exit(monkeypatch):
    assert call(monkeypatch, "--pipelines=train", "--env=azure") is None


def test_a_notebook_gets_the_outputs(monkeypatch):
    monkeypatch.setattr("sys.ps1", ">>> ", raising=False)
    assert entry_point.main(["--pipelines", "train"]) == {"pipelines": "train"}


def test_help_ends_without_an_error(monkeypatch, capsys):
    call(monkeypatch, "--help")
    assert capsys.readouterr().out.startswith("Usage: crosscloud-mnist")


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["--env=nowhere"], "there is no environment nowhere", 1),
        (["--unknown=1"], "No such option", 2),
        (["--env=interrupted"], "the run was interrupted", 1),
    ],
)
def test_a_task_that_fails_raises_its_message_with_the_exit_status(
    monkeypatch, capsys, arguments, message, status
):
    with pytest.raises(SystemExit) as raised:
        call(monkeypatch, *arguments)
    assert message in str(raised.value)
    assert raised.value.code == status
    assert capsys.readouterr().err
