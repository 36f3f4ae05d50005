"""The 19 classes, histograms of cell types, convergence, the nucleated differential count."""
