"""Programs of other frameworks as one graph of nodes, followed number by number: ONNX, TorchScript, torch.export."""
