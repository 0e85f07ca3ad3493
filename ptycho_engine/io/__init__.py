"""Files: `readers` turn one into a `Scan`, a `Store` keeps what is made of it."""
