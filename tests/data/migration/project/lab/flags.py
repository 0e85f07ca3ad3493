from ptycho import params as p
from ptycho import raw_data as rd


def cut_without_batches(image, means, relative):
    old = p.get("use_batched_patch_extraction")
    p.set("use_batched_patch_extraction", False)
    try:
        return rd.get_image_patches(image, means, relative, 16, 2)
    finally:
        p.set("use_batched_patch_extraction", old)
