"""kcfg: what Keras will really use, why, and how to change it safely."""

__version__ = "0.1.0"
