def summary(results):
    return "\n".join(f"{name}: {getattr(value, 'shape', len(value))}" for name, value in results.items())
