from __future__ import annotations

from crosscloud_mnist.storage.data_card import (
    build_data_card,
    build_data_origin,
    build_split_card,
)


def test_the_order_of_the_files_does_not_change_the_digest_of_the_data_set() -> None:
    one = build_data_origin("mnist", "folder", {"a": "1" * 64, "b": "2" * 64})
    other = build_data_origin("mnist", "folder", {"b": "2" * 64, "a": "1" * 64})
    assert one["dataset_digest"] == other["dataset_digest"]


def test_a_split_card_counts_its_images_and_means_their_pixels() -> None:
    card = build_split_card([1, 3], pixel_sum=4 * 784 * 100, image_bytes=784, sha256="0" * 64)
    assert (card["images"], card["per_class"], card["mean_pixel"]) == (4, [1, 3], 100.0)


def test_a_data_card_holds_the_origin_and_the_three_splits() -> None:
    origin = build_data_origin("mnist", "folder", {"a": "1" * 64})
    split = build_split_card([1], 0, 784, "0" * 64)
    card = build_data_card(origin, split, split, split)
    assert {name: card[name] for name in origin} == origin
    assert list(card["splits"]) == ["train", "validation", "test"]
