"""The data card of a run: counts, rates, and a few examples to read."""

from distillrun.report.data_card.card import Step, data_card
from distillrun.report.data_card.noise import label_noise, noise_sentences
from distillrun.report.data_card.stories import stories

__all__ = ["Step", "data_card", "label_noise", "noise_sentences", "stories"]
