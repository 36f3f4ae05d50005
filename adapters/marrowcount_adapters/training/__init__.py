"""Training on tiles: stores of tiles, batches, the loop and its run folder, measuring, packaging.

Knows no network: those of the ROI model and the cell model live with their runtimes and take the batches made here.
``marrowcount.main`` joins them.

::

    config -> sources -> cutting -> tiles        what is trained on, as 512 px tiles in memory-mapped stores
    sampling -> augmentation, stain -> batches   a batch is a function of seed and step
    running -> loop -> run_folder, checkpoints   trained, validated (judging), recorded; crossvalidation: in folds
    making -> exporting, runtimes, yardsticks    packaged: compared, quantised, measured (packaging, model_card)
"""
