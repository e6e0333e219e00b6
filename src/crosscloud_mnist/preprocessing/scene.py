"""What an image shows: its foreground in one polarity, and what of it can be a digit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crosscloud_mnist.errors import ImageError
from crosscloud_mnist.preprocessing.components import MIN_STRENGTH, Components
from crosscloud_mnist.preprocessing.foreground import Foreground, find_foregrounds
from crosscloud_mnist.preprocessing.lines import remove_horizontal_lines
from crosscloud_mnist.preprocessing.selection import candidates, is_cut, select

_MIN_OVERHANG = 0.15  # of the digit's length: a line extends so far beyond it at both ends
_MIN_WIDE = 1.33  # width of a component, in heights, which may be a digit with a line through it
_MIN_LINE_STRENGTH = 0.12
_MIN_REST = 0.2  # of such a component's pixels: those of the digit


@dataclass(frozen=True)
class Scene:
    """What an image shows in one polarity, without lines that are much longer than the digit.

    Attributes:
        foreground: What differs from the background.
        components: The connected components of the foreground.
        possible: [n], bool: which components can be a digit, or the main part of one.
        is_detail: The image is a part of a larger one, with the digit well inside.
    """

    foreground: Foreground
    components: Components
    possible: NDArray[np.bool_]
    is_detail: bool

    @property
    def main(self) -> int:
        """The heaviest component that can be a digit."""
        return int(np.argmax(np.where(self.possible, self.components.mass, -1)))

    def score(self) -> tuple[bool, float]:
        """Return whether it is more than blots, and the contrast times the mass."""
        is_whole = ~is_cut(self.components, self.is_detail)
        is_stroke = bool((self.possible & is_whole & ~self.components.is_blot()).any())
        mass = float(self.components.mass[self.possible].sum())
        return is_stroke, self.foreground.contrast * mass

    def select(self) -> NDArray[np.bool_]:
        """Return [n], bool: the components of the digit.

        Raises:
            ImageError: There is another thing of the digit's size.
        """
        return select(self.components, self.possible, self.is_detail)


def analyze(gray: NDArray[np.float32], is_dark: bool | None) -> Scene:
    """Return what the image shows, in the polarity that shows more of what can be a digit.

    Args:
        gray: [height, width], float32, 0 to 1.
        is_dark: Whether the digit is darker than the background, as it is known of a part of an
            image; None for a whole image.

    Raises:
        ImageError: Nothing in it can be a digit.
    """
    scenes = []
    for foreground in find_foregrounds(gray):
        if is_dark in (None, foreground.is_dark):
            scene = _remove_lines(_create(foreground, is_dark is not None))
            if scene.possible.any():
                scenes.append(scene)
    if not scenes:
        raise ImageError("shows no digit; send an image with one digit that stands out")
    return max(scenes, key=Scene.score) if len(scenes) > 1 else scenes[0]


def _create(foreground: Foreground, is_detail: bool) -> Scene:
    components = Components(foreground.strength)
    possible = candidates(components, foreground.strength.shape, is_detail)
    return Scene(foreground, components, possible, is_detail)


def _remove_lines(scene: Scene) -> Scene:
    """Remove lines from edge to edge, and a line through a component that is wider than a digit."""
    height, width = scene.foreground.strength.shape
    # A strip of table along the edge is no line: parts of it would be left.
    top, bottom, left, right = scene.components.touches[:, scene.components.is_clear_of_edge()]
    if left.any() and right.any():
        scene = _remove_lines_across(scene, np.array([0, 0, height, width]))
    if top.any() and bottom.any():
        transposed = _remove_lines_across(_transpose(scene), np.array([0, 0, width, height]))
        scene = _transpose(transposed)
    if scene.possible.any():
        box = scene.components.boxes[scene.main]
        if box[3] - box[1] >= _MIN_WIDE * (box[2] - box[0]):
            scene = _remove_lines_across(scene, box)
    return scene


def _remove_lines_across(scene: Scene, box: NDArray[np.int64]) -> Scene:
    """Remove horizontal lines across a box: top, left, bottom, right.

    They stay if they do not extend beyond the digit at both ends: the bar of a 7 does not.
    """
    top, left, bottom, right = box
    strength = scene.foreground.strength
    inside = remove_horizontal_lines(strength[top:bottom, left:right], _MIN_LINE_STRENGTH)
    if inside is None:
        return scene
    strength = strength.copy()
    strength[top:bottom, left:right] = inside
    rest = _create(replace(scene.foreground, strength=strength), scene.is_detail)
    if not rest.possible.any():
        return rest
    main = rest.main
    rest_box, mass = rest.components.boxes[main], rest.components.mass[main]
    overhang = min(rest_box[1] - left, right - rest_box[3])
    is_overhung = overhang >= _MIN_OVERHANG * rest.components.length[main]
    is_digit = mass >= _MIN_REST * (inside > MIN_STRENGTH).sum()
    return rest if is_overhung and is_digit else scene


def _transpose(scene: Scene) -> Scene:
    """Return the scene with rows and columns exchanged."""
    strength = np.ascontiguousarray(scene.foreground.strength.T)
    return _create(replace(scene.foreground, strength=strength), scene.is_detail)
