"""A DICOMweb origin server (PS3.18): STOW-RS, QIDO-RS and WADO-RS over what the node holds and over its results.

What is held is sent as it is held: nothing is transcoded, but for pictures that are rendered for browsers.
"""

from marrowcount_adapters.dicomweb.app import DicomWebSettings, dicomweb_app
from marrowcount_adapters.dicomweb.holdings import Holdings
from marrowcount_adapters.dicomweb.index import HeaderIndex
from marrowcount_adapters.dicomweb.intake import Patience
from marrowcount_adapters.dicomweb.openapi import described
from marrowcount_adapters.dicomweb.store import StoreRules

__all__ = ["DicomWebSettings", "HeaderIndex", "Holdings", "Patience", "StoreRules", "described", "dicomweb_app"]
