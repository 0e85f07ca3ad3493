"""``python -m ptycho_engine``: the command ``ptycho-engine``."""

from .app.command import main

if __name__ == "__main__":
    main()
