"""The steps that bring an older database's tables up to date."""
