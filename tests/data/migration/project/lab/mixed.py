import os.path; from ptycho.raw_data import get_image_patches, get_relative_coords


def cut(image, coords):
    name = os.path.join("a", "b").translate(str.maketrans("ab", "cd"))
    assert name == "c/d"
    means, relative = get_relative_coords(coords)
    return [
        get_image_patches(image, means[i : i + 1], relative[i : i + 1], gridsize=2, N=16)
        for i in range(len(coords))
    ]
