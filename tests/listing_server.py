"""A server on this machine that lists the log-probs of prompts of a real model, in vLLM's schema or in SGLang's.

It keeps to what `teacher/openai_api/distributions.py` says was read: fields, nulls, limits and errors.
"""

from functools import cache
from typing import Any

import torch

from tests.loopback import Answer, Loopback, Seen

LOWEST = -9999.0
"""What vLLM writes for minus infinity."""


class ListingServer(Loopback):
    """Answers at `/v1/completions` as vLLM does, and at `/generate` as SGLang does.

    Args:
        folder: of the checkpoint.
        max_logprobs: vLLM's `--max-logprobs`; -1 = no cap.
        max_model_len: of prompt and text together.
        tells: whether it knows `prompt_logprobs` at all.
        decode: whose texts it gives for ids; None = the checkpoint's tokenizer.
    """

    def __init__(
        self, folder: str, max_logprobs: int = -1, max_model_len: int = 512, tells: bool = True, decode: Any = None
    ) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        super().__init__(self._answer)
        self.max_logprobs, self.max_model_len, self.tells = max_logprobs, max_model_len, tells
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder)
        self._model.eval()  # type: ignore[no-untyped-call]
        text_of: Any = cache(decode or AutoTokenizer.from_pretrained(folder).decode)
        self._decode = lambda token: text_of(token)

    def _answer(self, seen: Seen) -> Answer:
        if seen.path.endswith("/models"):
            return Answer({"object": "list", "data": [{"id": "m", "max_model_len": self.max_model_len}]})
        if seen.path == "/generate":
            return self._sglang(seen.body)
        assert seen.path == "/v1/completions"
        return self._vllm(seen.body)

    def _vllm(self, body: dict[str, Any]) -> Answer:
        ids, count = body["prompt"], body.get("prompt_logprobs")
        assert all(isinstance(token, int) for token in ids)
        if count is not None and body.get("stream"):
            return _refused("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs")
        size = self._model.config.vocab_size
        wanted, most = (size if one == -1 else one for one in (count or 0, self.max_logprobs))
        if wanted > most:
            reason = f"Requested prompt logprobs of {wanted}, which is greater than max allowed: {most}"
            return _refused(reason, "prompt_logprobs")
        if len(ids) + body["max_tokens"] > self.max_model_len:
            return _refused(
                f"This model's maximum context length is {self.max_model_len} tokens. However, your request has "
                f"{len(ids)} input tokens. Please reduce the length of the input messages.",
                "input_tokens",
            )
        choice = {"index": 0, "text": " x", "logprobs": None, "finish_reason": "length", "stop_reason": None}
        if self.tells and count is not None:
            choice["prompt_logprobs"] = [None, *(self._by_id(row, token, wanted) for row, token in self._rows(ids))]
        usage = {"prompt_tokens": len(ids), "total_tokens": len(ids) + 1, "completion_tokens": 1}
        return Answer({"id": "cmpl-1", "object": "text_completion", "model": "m", "choices": [choice], "usage": usage})

    def _sglang(self, body: dict[str, Any]) -> Answer:
        ids, start, count = body["input_ids"], body["logprob_start_len"], body["top_logprobs_num"]
        assert body["return_logprob"]
        assert body["sampling_params"]["temperature"] == 1.0
        said = self._decode if body["return_text_in_logprobs"] else lambda token: None
        rows = self._rows(ids)[start:]
        own = [[None, ids[start], None], *([float(row[token]), token, said(token)] for row, token in rows)]
        tops: list[Any] = [None]
        for row, _ in rows:
            values, likeliest = row.topk(count)
            tops.append([[float(v), int(t), said(int(t))] for v, t in zip(values, likeliest, strict=True)])
        about = {"prompt_tokens": len(ids), "completion_tokens": 1, "finish_reason": {"type": "length", "length": 1}}
        return Answer({"text": " x", "meta_info": {**about, "input_token_logprobs": own, "input_top_logprobs": tops}})

    @torch.no_grad()
    def _rows(self, ids: list[int]) -> list[tuple[Any, int]]:
        """Return what is expected of each token after the first, and the token."""
        log_probs = self._model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        return list(zip(log_probs[:-1], ids[1:], strict=True))

    def _by_id(self, row: Any, token: int, count: int) -> dict[str, Any]:
        values, likeliest = (one.tolist() for one in row.topk(count))
        found = {one: (value, rank) for rank, (one, value) in enumerate(zip(likeliest, values, strict=True), 1)}
        found.setdefault(token, (float(row[token]), int((row > row[token]).sum()) + 1))
        return {
            str(one): {"logprob": max(value, LOWEST), "rank": rank, "decoded_token": self._decode(one)}  # type: ignore[no-untyped-call]
            for one, (value, rank) in found.items()
        }


def _refused(message: str, param: str) -> Answer:
    return Answer({"error": {"message": message, "type": "BadRequestError", "param": param, "code": 400}}, 400)
