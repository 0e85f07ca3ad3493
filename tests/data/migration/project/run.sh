#!/bin/sh
USE_XLA_TRANSLATE=1 python main.py results.npz
ptycho_train --gridsize 2 --config old.yaml
