"""The measures of the paper."""
