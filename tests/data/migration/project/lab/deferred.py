def cut(image, coords):
    from ptycho.raw_data import (
        RawData,
        get_image_patches,
        get_relative_coords,
    )

    means, relative = get_relative_coords(coords)
    return get_image_patches(image, means, relative, 16, 2)
