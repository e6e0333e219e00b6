"""The components of a foreground: what belongs to one."""

from __future__ import annotations

import numpy as np

from crosscloud_mnist.preprocessing.components import Components


def test_the_mask_of_a_component_has_its_pixels_alone():
    strength = np.zeros((12, 20), np.float32)
    strength[2:9, 3:5], strength[2:9, 12:14] = 1, 0.8
    components = Components(strength)
    np.testing.assert_array_equal(components.mass, [14, 14])
    for index, columns in enumerate((slice(3, 5), slice(12, 14))):
        mask = components.mask(np.arange(2) == index)
        assert mask[2:9, columns].all()
        # Labels reach one pixel further: pixels with one between them belong together.
        assert mask.sum() == 9 * 4
    assert not components.mask(np.array([False, False])).any()
