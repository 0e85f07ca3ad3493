"""Global parameters."""

cfg = {"N": 64, "gridsize": 1}


def get(key):
    return cfg[key]


def set(key, value):
    cfg[key] = value


def params():
    return dict(cfg)
