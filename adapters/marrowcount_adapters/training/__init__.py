"""Training on tiles: stores of tiles, batches, measuring, packaging.

Knows no network: those of the ROI model and the cell model live with their runtimes and take the batches made here.
``models/train.py`` joins them.
"""
