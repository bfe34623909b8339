"""An LSTM from scratch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vla_policy.models.language.base import LanguageEncoder
from vla_policy.models.registry import LANGUAGE


@LANGUAGE.register("lstm")
class LSTM(LanguageEncoder):
    """Hochreiter and Schmidhuber 1997, written out: one token, the state after the last word.

    The steps are plain operators, so that it exports to ONNX with a fixed length of sentences and each gate can be
    read here. Padding leaves the state as it is.

    Args:
        vocabulary: number of token ids.
        embedding: width of a word.
        width: of the state.
        layers: LSTMs on top of each other.
    """

    def __init__(self, vocabulary: int, embedding: int = 128, width: int = 256, layers: int = 1) -> None:
        super().__init__(width, count=1)
        self.embedding = nn.Embedding(vocabulary, embedding)
        inputs = [embedding] + [width] * (layers - 1)
        self.gates = nn.ModuleList(nn.Linear(size + width, 4 * width) for size in inputs)
        for gate in self.gates:
            nn.init.constant_(gate.bias[width : 2 * width], 1.0)  # remember at first (Jozefowicz et al. 2015)

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        words = self.embedding(ids)
        hidden = [words.new_zeros(words.shape[0], self.width) for _ in self.gates]
        cells = list(hidden)
        for step in range(words.shape[1]):
            x, here = words[:, step], mask[:, step, None]
            for layer, gate in enumerate(self.gates):
                enter, keep, show, new = gate(torch.cat([x, hidden[layer]], -1)).chunk(4, -1)
                cell = keep.sigmoid() * cells[layer] + enter.sigmoid() * new.tanh()
                cells[layer] = torch.where(here, cell, cells[layer])
                hidden[layer] = torch.where(here, show.sigmoid() * cell.tanh(), hidden[layer])
                x = hidden[layer]
        return hidden[-1][:, None]
