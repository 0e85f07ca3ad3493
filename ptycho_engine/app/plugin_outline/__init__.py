"""Files of a plugin's distribution, with places for its name (``string.Template``)."""
