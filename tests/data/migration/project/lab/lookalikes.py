"""Names that only look like PtychoPINN's."""

from .other_cutter import get_image_patches


def translate(image):
    return image[::-1]


def cut(image):
    return translate(get_image_patches(image))
