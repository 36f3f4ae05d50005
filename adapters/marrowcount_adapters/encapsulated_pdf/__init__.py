"""Encapsulated PDF (PS3.3 A.45.1): the report as a document of the study."""

from marrowcount_adapters.encapsulated_pdf.encode import encode_document

__all__ = ["encode_document"]
