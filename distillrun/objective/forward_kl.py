"""The forward KL divergence: the student covers all that the teacher finds likely."""

from torch import Tensor

from distillrun.loss.divergence import forward_kl
from distillrun.objective.shared.token_distillation import TokenDistillation


class ForwardKL(TokenDistillation):
    """D = KL(teacher || student), per token; settings as in `TokenDistillation`.

    Source: Hinton et al. 2015, https://arxiv.org/abs/1503.02531, section 2.
    """

    def divergence(self, log_p: Tensor, log_q: Tensor) -> Tensor:
        return forward_kl(log_p, log_q)
