"""From layouts back to flat patches: the inverse of the way there, for every framework."""

import numpy as np
import pytest

from ptycho_engine.arrays.adapter import NUMPY

LAYOUTS = ["flat", "channel", "grid"]


@pytest.mark.parametrize("lead", [(), (2, 3)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_flatten_undoes_arrange(layout, lead):
    flat = np.random.default_rng(0).standard_normal((*lead, 8, 3, 3))
    arranged = NUMPY.arrange(flat, layout, 4)
    np.testing.assert_array_equal(NUMPY.flatten(arranged, layout), flat)


@pytest.mark.tensorflow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensors_are_flattened_for_any_number_of_groups(layout):
    import tensorflow as tf

    from ptycho_engine.arrays.tensorflow_arrays import TensorFlowArrays

    arrays = TensorFlowArrays()
    flat = np.random.default_rng(0).standard_normal((2, 8, 3, 3))
    arranged = NUMPY.arrange(flat, layout, 4)
    np.testing.assert_array_equal(arrays.flatten(tf.constant(arranged), layout), flat)
    signature = [tf.TensorSpec((None, None, *arranged.shape[2:]), tf.float64)]
    flatten = tf.function(lambda t: arrays.flatten(t, layout), input_signature=signature)
    np.testing.assert_array_equal(flatten(arranged), flat)
