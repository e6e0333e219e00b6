"""A contract holds what a model takes and returns, and rejects what no model could have."""

from __future__ import annotations

import pytest

from crosscloud_mnist.contract import Contract, Prediction, list_array_shapes, parse_contract

VALUES = {
    "image_shape": [12, 16, 3],
    "image_content": "a coloured shape",
    "classes": ["circle", "square", 3],
    "preprocessing": "resize",
}


def test_what_is_read_from_json_is_what_was_written():
    contract = Contract(**VALUES)
    assert parse_contract(contract.to_record()) == contract
    assert contract.to_record()["shape"] == [-1, 12, 16, 3]


def test_sizes_and_names_follow_from_shape_and_classes():
    contract = Contract(**VALUES)
    assert (contract.image_bytes, contract.class_count) == (576, 3)
    assert contract.is_colour
    assert contract.classes == ("circle", "square", "3")  # a number is a name, too


def test_an_image_may_be_stored_in_a_row_in_rows_or_in_its_shape():
    assert list_array_shapes([12, 16, 3]) == [(576,), (12, 48), (12, 16, 3)]
    assert set(list_array_shapes((28, 28))) == {(784,), (28, 28)}


def test_a_prediction_below_the_contract_s_probability_is_unsure():
    contract = Contract(**VALUES, min_probability=0.8)
    assert parse_contract(contract.to_record()) == contract
    assert contract.interpret([0.1, 0.8, 0.1]) == Prediction(1, "square", 0.8, is_unsure=False)
    assert contract.interpret([0.1, 0.15, 0.75]) == Prediction(2, "3", 0.75, is_unsure=True)


def test_no_prediction_is_unsure_where_the_contract_names_no_probability():
    assert not Contract(**VALUES).interpret([0.4, 0.3, 0.3]).is_unsure


def test_a_bundle_that_names_no_preprocessing_is_one_of_digits():
    record = {"input": "images", "shape": [-1, 28, 28], "classes": list(range(10))}
    contract = parse_contract(record)
    assert (contract.image_shape, contract.preprocessing) == ((28, 28), "digit")
    assert contract.classes[9] == "9"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"image_shape": [28]}, r"image_shape is \[28\], expected \[height, width\]"),
        ({"image_shape": [28, 28, 1]}, r"expected .* or \[height, width, 3\] for colour"),
        ({"image_shape": [2, 28]}, "each 4 to 512 pixels"),
        ({"classes": ["one"]}, "classes has 1 names, expected 2 to 256"),
        ({"classes": ["a/b", "c"]}, "classes holds 'a/b', expected names .* without slashes"),
        ({"min_probability": 1.5}, "min_probability is 1.5, expected 0 or more and less than 1"),
        ({"classes": ["Red", "red"]}, "classes holds a name twice"),
    ],
)
def test_a_shape_or_class_names_that_no_data_set_has_are_rejected(changed, message):
    with pytest.raises(ValueError, match=message):
        Contract(**{**VALUES, **changed})
