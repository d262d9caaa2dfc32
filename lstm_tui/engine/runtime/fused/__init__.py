"""The fused step: a page of equations compiled as it stands to one loop, by the compiler that Numba brings."""
