// Part of the double of the CUDA toolkit. As in NVIDIA's, what it promises is in crt/, which not every package has.
#include "crt/mma.h"
