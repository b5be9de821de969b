// What a kernel in CUDA C++ needs to be compiled by g++ for the host: the words of the language, the built-in variables,
// and those functions of NVIDIA's headers that CubeCL writes. Compiled once, as a precompiled header.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cudahost/atomics.h"
#include "cudahost/functions.h"
#include "cudahost/half.h"
#include "cudahost/language.h"
#include "cudahost/ptx.h"
#include "cudahost/threads.h"
#include "cudahost/vectors.h"
#include "cudahost/wmma.h"
