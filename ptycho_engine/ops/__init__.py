"""TensorFlow and XLA numerics; importing a module of this package, but `runtime`, imports it."""
