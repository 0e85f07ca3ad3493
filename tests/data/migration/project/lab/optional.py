try:
    from ptycho.raw_data import get_image_patches
except ImportError:
    get_image_patches = None


def cut(image, means, relative):
    return get_image_patches(image, means, relative, 16, 2)
