def get_image_patches(image):  # not ptycho's
    return image[:8, :8]
