import ptycho.raw_data


def cut(image, means, relative):
    return ptycho.raw_data.get_image_patches(
        image,  # the object
        means,
        local_offsets=relative,
        N=16,
        gridsize=2,
    )
