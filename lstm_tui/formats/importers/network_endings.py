"""The endings of files of networks; it imports nothing, so that whoever only looks at a name may ask."""

NATIVE = ".safetensors"
"""What this program writes itself."""
ENDINGS = (NATIVE, ".npz", ".pt", ".pt2", ".pth", ".ckpt", ".bin", ".pkl", ".h5", ".hdf5", ".keras", ".onnx")
"""Those that are read; the content decides what a file is."""
ANY_OF_THEM = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
