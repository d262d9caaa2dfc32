"""The endings of files of numbers; it imports nothing, so that the help of the command line may name them."""

ENDINGS = (".csv", ".tsv", ".npy", ".npz")
ANY_OF_THEM = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"
