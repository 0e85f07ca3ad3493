from ptycho import raw_data


def cut(image, means, relative):
    return raw_data.get_image_patches(image, means, relative)
