"""A run prints its results as it saves them."""

from __future__ import annotations

from crosscloud_mnist.hooks.console import ConsoleHooks


def test_a_report_is_printed_by_the_name_of_its_dataset(capsys):
    ConsoleHooks().after_dataset_saved(
        "deployment",
        {"endpoint": "http://127.0.0.1:8501/x", "name": "mnist_cnn", "model_version": "3"},
    )
    assert capsys.readouterr().out == "Endpoint: http://127.0.0.1:8501/x serves mnist_cnn 3\n"


def test_a_failed_smoke_test_marks_the_image_that_is_wrong(capsys):
    row = {
        "file": "a-7.png",
        "expected": 7,
        "expected_class": "7",
        "predicted": 1,
        "predicted_class": "1",
        "probability": 0.5,
        "unsure": True,
        "error": None,
    }
    unreadable = {
        **row,
        "file": "b-3.png",
        "expected": 3,
        "expected_class": "3",
        "error": "cannot be opened",
    }
    report = {
        "golden": [],
        "images": [row, unreadable],
        "endpoints": [{"cloud": "gcp", "healthy": False, "model_version": ""}],
        "endpoint": "http://127.0.0.1:8501",
        "passed": False,
    }
    ConsoleHooks().after_dataset_saved("smoke_test_report", report)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["a-7.png", "7", "1", "0.5000", "WRONG", "unsure"]
    assert lines[2].endswith("3  cannot be opened")
    assert lines[3:] == ["gcp: DOWN", "Smoke test of http://127.0.0.1:8501: FAILED"]


def test_other_datasets_print_nothing(capsys):
    ConsoleHooks().after_dataset_saved("weights", [1, 2, 3])
    assert capsys.readouterr().out == ""
