from ptycho import params as p


def prepare():
    p.set("N", 16)
    p.cfg["gridsize"] = 2
    p.cfg.update({"use_batched_patch_extraction": True})
    p.params()["use_batched_patch_extraction"] = False  # a copy: has no effect
