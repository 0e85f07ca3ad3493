import ptycho.raw_data as rd

from .constants import SIDE, SIZE


def cut(image, coords):
    return rd.get_image_patches(image, *rd.get_relative_coords(coords), N=SIZE, gridsize=SIDE)
