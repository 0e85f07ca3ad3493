import numpy as np
from ptycho.tf_helper import _channel_to_flat, _flat_to_channel, trim_reconstruction


def there_and_back(image):
    channel = np.abs(image[:32, :32]).reshape(4, 8, 8, 4)
    flat = trim_reconstruction(_channel_to_flat(channel))
    return _flat_to_channel(flat, N=8, gridsize=2) - channel + 1
