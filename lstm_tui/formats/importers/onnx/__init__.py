"""Networks as ONNX graphs: what is recurrent is stepped, what is around it is run."""
