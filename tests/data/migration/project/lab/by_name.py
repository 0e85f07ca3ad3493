from ptycho.raw_data import get_image_patches as gip


def cut(image, means, relative):
    # sixteen pixels
    return gip(image, means, relative, 16, 2)
