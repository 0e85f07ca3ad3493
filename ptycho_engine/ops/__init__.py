"""TensorFlow and XLA numerics; importing a module of this package imports TensorFlow."""
