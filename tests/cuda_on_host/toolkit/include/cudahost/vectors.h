// The built-in vector types.
#pragma once
#include "language.h"

#define CUDAHOST_VECTORS(T, name) \
    struct __align__(2 * sizeof(T)) name##2 { T x, y; }; \
    struct name##3 { T x, y, z; }; \
    struct __align__(4 * sizeof(T) > 16 ? 16 : 4 * sizeof(T)) name##4 { T x, y, z, w; }; \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; } \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDAHOST_VECTORS(char, char)
CUDAHOST_VECTORS(unsigned char, uchar)
CUDAHOST_VECTORS(short, short)
CUDAHOST_VECTORS(unsigned short, ushort)
CUDAHOST_VECTORS(int, int)
CUDAHOST_VECTORS(unsigned, uint)
CUDAHOST_VECTORS(long, long)
CUDAHOST_VECTORS(unsigned long, ulong)
CUDAHOST_VECTORS(float, float)
CUDAHOST_VECTORS(double, double)
#undef CUDAHOST_VECTORS
