"""The digital marrow phantom: slides of known truth."""
