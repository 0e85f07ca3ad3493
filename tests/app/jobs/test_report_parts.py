"""What the reports of all jobs say alike."""

import numpy as np
import pytest

from ptycho_engine.app.jobs.report_parts import accuracy_fact, doubts_of, time_fact
from ptycho_engine.report.html.run_report import Accuracy


@pytest.mark.parametrize(
    ("worst", "fact", "warning"),
    [(2e-6, "2.0e-06", "by 2e-06 of"), (np.nan, "nan", "Patches are NaN where the float64")],
)
def test_an_error_beyond_the_tolerance_is_told_as_it_is(worst, fact, warning):
    accuracy = Accuracy(((0, 1e-8), (1, worst)), 1e-6)
    (told,) = accuracy_fact(accuracy)
    assert (told.value, told.note) == (fact, "beyond the tolerance")
    (doubt,) = doubts_of([], {}, accuracy)
    assert warning in doubt


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4217, "0.422 s"), (200.0, "3 min 20 s"), (4521.7, "1 h 15 min")]
)
def test_a_time_is_told_in_hours_and_minutes(seconds, said):
    assert time_fact({"read": seconds / 4, "write": 3 * seconds / 4}, 10**9).value == said
