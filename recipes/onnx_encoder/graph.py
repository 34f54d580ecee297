"""A BERT encoder as an ONNX graph, written down node by node.

Takes weights named as in the published safetensors, of any number of layers; gives a model with
the inputs `input_ids` and `attention_mask` and the output `last_hidden_state`. Knows nothing of
files, tokenizers or pooling. `recipes/static_encoder/minilm.py` is the same network in NumPy.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

from recipes.static_encoder.minilm import LAYER_NORM_EPSILON, layer_count

Array = npt.NDArray[np.float32]

OPSET = 20  # the first with Gelu
IR_VERSION = 10
_FAR_BELOW = 1e9  # taken from the scores of padding before the softmax


class BertGraph:
    """Collects nodes and constants while the network is written down."""

    def __init__(self, weights: dict[str, Array], heads: int) -> None:
        self._weights = weights
        self._heads = heads
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, npt.NDArray[np.generic]] = {}
        self.width = weights["embeddings.word_embeddings.weight"].shape[1]

    def model(self) -> ModelProto:
        """The whole network, checked."""
        hidden = self._embed()
        bias = self._attention_bias()
        for layer in range(layer_count(self._weights)):
            hidden = self._encoder_layer(f"encoder.layer.{layer}", hidden, bias)
        self._add("Identity", [hidden], name="last_hidden_state")
        shape = ["batch", "length"]
        graph = helper.make_graph(
            self._nodes,
            "bert",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
            ],
            [
                helper.make_tensor_value_info(
                    "last_hidden_state", TensorProto.FLOAT, [*shape, self.width]
                )
            ],
            [numpy_helper.from_array(value, name) for name, value in self._constants.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        checker.check_model(model)
        return model

    def _add(
        self, op: str, inputs: list[str], name: str = "", **attributes: int | float | list[int]
    ) -> str:
        output = name or f"{op}_{len(self._nodes)}"
        node = helper.make_node(op, inputs, [output])
        node.attribute.extend(helper.make_attribute(*pair) for pair in attributes.items())
        self._nodes.append(node)
        return output

    def _constant(self, name: str, value: npt.NDArray[np.generic]) -> str:
        self._constants[name] = value
        return name

    def _embed(self) -> str:
        words = self._constant("words", self._weights["embeddings.word_embeddings.weight"])
        # Texts are of token type 0 throughout, so that its row joins the positions' table.
        table = (
            self._weights["embeddings.position_embeddings.weight"]
            + self._weights["embeddings.token_type_embeddings.weight"][0]
        )
        shape = self._add("Shape", ["input_ids"], start=1, end=2)
        zero = self._constant("zero", np.array([0], np.int64))
        positions = self._add("Slice", [self._constant("positions", table), zero, shape, zero])
        summed = self._add("Add", [self._add("Gather", [words, "input_ids"]), positions])
        return self._layer_norm("embeddings.LayerNorm", summed)

    def _attention_bias(self) -> str:
        """0 where a position counts and far below where it is padding; [batch, 1, 1, length]."""
        mask = self._add("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        below = self._add("Sub", [mask, self._scalar("one", 1.0)])
        scaled = self._add("Mul", [below, self._scalar("far_below", _FAR_BELOW)])
        axes = self._constant("head_and_query_axes", np.array([1, 2], np.int64))
        return self._add("Unsqueeze", [scaled, axes])

    def _encoder_layer(self, name: str, hidden: str, bias: str) -> str:
        mixed = self._attend(f"{name}.attention.self", hidden, bias)
        attended = self._linear(f"{name}.attention.output.dense", mixed)
        hidden = self._layer_norm(
            f"{name}.attention.output.LayerNorm", self._add("Add", [hidden, attended])
        )
        inner = self._add("Gelu", [self._linear(f"{name}.intermediate.dense", hidden)])
        fed = self._linear(f"{name}.output.dense", inner)
        return self._layer_norm(f"{name}.output.LayerNorm", self._add("Add", [hidden, fed]))

    def _attend(self, name: str, hidden: str, bias: str) -> str:
        query, value = (self._split(f"{name}.{part}", hidden) for part in ("query", "value"))
        # The key comes transposed, [batch, head, size, length], ready for the product.
        key = self._split(f"{name}.key", hidden, order=[0, 2, 3, 1])
        root = self._scalar("root", math.sqrt(self.width // self._heads))
        scores = self._add("Div", [self._add("MatMul", [query, key]), root])
        shares = self._add("Softmax", [self._add("Add", [scores, bias])], axis=-1)
        mixed = self._add("MatMul", [shares, value])
        joined = self._constant("joined_shape", np.array([0, 0, self.width], np.int64))
        return self._add("Reshape", [self._add("Transpose", [mixed], perm=[0, 2, 1, 3]), joined])

    def _split(self, name: str, hidden: str, order: list[int] | None = None) -> str:
        sizes = np.array([0, 0, self._heads, self.width // self._heads], np.int64)
        parts = self._add(
            "Reshape", [self._linear(name, hidden), self._constant("split_shape", sizes)]
        )
        return self._add("Transpose", [parts], perm=order or [0, 2, 1, 3])

    def _linear(self, name: str, inputs: str) -> str:
        transposed = np.ascontiguousarray(self._weights[f"{name}.weight"].T)
        product = self._add("MatMul", [inputs, self._constant(f"{name}.weight", transposed)])
        bias = self._constant(f"{name}.bias", self._weights[f"{name}.bias"])
        return self._add("Add", [product, bias])

    def _layer_norm(self, name: str, inputs: str) -> str:
        scale, shift = (
            self._constant(f"{name}.{part}", self._weights[f"{name}.{part}"])
            for part in ("weight", "bias")
        )
        return self._add(
            "LayerNormalization", [inputs, scale, shift], axis=-1, epsilon=LAYER_NORM_EPSILON
        )

    def _scalar(self, name: str, value: float) -> str:
        return self._constant(name, np.array(value, np.float32))
