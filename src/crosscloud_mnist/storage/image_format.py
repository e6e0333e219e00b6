"""What is MNIST's own: the size of an image and the number of classes.

Everything that needs one of these numbers imports it from here.
"""

from __future__ import annotations

IMAGE_SIDE = 28  # pixels; an image is square, uint8, light foreground on a background of 0
IMAGE_PIXELS = IMAGE_SIDE * IMAGE_SIDE
CLASS_COUNT = 10  # the digits 0 to 9
