"""Bodies are limited one by one and together; small ones always fit."""

from __future__ import annotations

from itertools import pairwise

import pytest
from starlette.exceptions import HTTPException

from crosscloud_mnist.serving.http.body_limits import FREE_BODY_BYTES, MAX_BODY_BYTES, BodyBudget


def test_small_bodies_need_no_budget():
    budget = BodyBudget(0)
    for _ in range(1000):
        budget.grow(0, FREE_BODY_BYTES)


def test_a_used_up_budget_is_503_with_retry_after_until_bytes_are_released():
    budget = BodyBudget(1000)
    budget.grow(0, FREE_BODY_BYTES + 900)
    with pytest.raises(HTTPException) as raised:
        budget.grow(100, FREE_BODY_BYTES + 101)
    assert raised.value.status_code == 503
    assert raised.value.headers == {"retry-after": "1"}
    budget.release(FREE_BODY_BYTES + 900)
    budget.grow(0, FREE_BODY_BYTES + 1000)


def test_a_body_that_grows_in_parts_is_counted_once():
    budget = BodyBudget(1000)
    sizes = [0, 10, FREE_BODY_BYTES, FREE_BODY_BYTES + 400, FREE_BODY_BYTES + 1000]
    for size, new_size in pairwise(sizes):
        budget.grow(size, new_size)
    budget.release(sizes[-1])
    budget.grow(0, sizes[-1])


def test_one_body_may_not_exceed_its_own_limit():
    with pytest.raises(HTTPException) as raised:
        BodyBudget().grow(0, MAX_BODY_BYTES + 1)
    assert raised.value.status_code == 413
