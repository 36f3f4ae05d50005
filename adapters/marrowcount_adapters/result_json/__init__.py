"""result.json: what came of a slide, for programs; no patient data, whichever way it went."""

from marrowcount_adapters.result_json.encode import encode_refusal, encode_result

__all__ = ["encode_refusal", "encode_result"]
