"""The built-in plugins; they register through the same entry points as anyone's."""
