// Part of the double of the CUDA toolkit: see cudahost.h.
#include "../cudahost.h"
