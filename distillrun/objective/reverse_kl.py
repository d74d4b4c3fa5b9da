"""The reverse KL divergence: the student keeps to what the teacher finds likely."""

from torch import Tensor

from distillrun.loss.divergence import reverse_kl
from distillrun.objective.shared.token_distillation import TokenDistillation


class ReverseKL(TokenDistillation):
    """D = KL(student || teacher), per token; settings as in `TokenDistillation`.

    Source: MiniLLM, Gu et al. 2023, https://arxiv.org/abs/2306.08543, equation 1, on given texts.
    """

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return reverse_kl(log_p, log_q)
