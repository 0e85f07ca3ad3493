"""Settings of the whole suite: quiet TensorFlow, one Hypothesis profile, Ctrl-C that works."""

import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is imported

from hypothesis import HealthCheck, settings

settings.register_profile(
    "ptycho_engine",
    deadline=None,  # XLA compiles inside examples
    derandomize=True,
    max_examples=75,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ptycho_engine")

# Programs that a shell starts in the background ignore Ctrl-C, and so do the programs they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
