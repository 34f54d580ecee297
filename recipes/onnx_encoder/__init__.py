"""An ONNX sentence encoder made from published weights, without a deep-learning framework."""
