// Functions of single and double numbers and of integers. The fast ones are the host's precise ones.
#pragma once
#include <math.h>

#include "language.h"

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return rsqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rhypotf(float x, float y) { return 1.0f / hypotf(x, y); }
inline double rhypot(double x, double y) { return 1.0 / hypot(x, y); }

inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __tanhf(float x) { return tanhf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return rsqrtf(x); }
inline float __frcp_rn(float x) { return 1.0f / x; }

// Of integers and numbers of one type; floating-point ones ignore NaN.
#define CUDAHOST_EXTREMES(T, U, R) \
    inline R max(T a, U b) { \
        R left = a, right = b; \
        return left > right ? left : right; \
    } \
    inline R min(T a, U b) { \
        R left = a, right = b; \
        return left < right ? left : right; \
    }
CUDAHOST_EXTREMES(int, int, int)
CUDAHOST_EXTREMES(unsigned, unsigned, unsigned)
CUDAHOST_EXTREMES(int, unsigned, unsigned)
CUDAHOST_EXTREMES(unsigned, int, unsigned)
CUDAHOST_EXTREMES(long, long, long)
CUDAHOST_EXTREMES(unsigned long, unsigned long, unsigned long)
CUDAHOST_EXTREMES(long long, long long, long long)
CUDAHOST_EXTREMES(unsigned long long, unsigned long long, unsigned long long)
CUDAHOST_EXTREMES(unsigned long long, long long, unsigned long long)
CUDAHOST_EXTREMES(long long, unsigned long long, unsigned long long)
#undef CUDAHOST_EXTREMES
// Of two values the one that is a number, as fmaxf and fminf say, but not by a call for every element.
inline float max(float a, float b) { return a > b || b != b ? a : b; }
inline float min(float a, float b) { return a < b || b != b ? a : b; }
inline double max(double a, double b) { return fmax(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(float a, double b) { return fmax(a, b); }
inline double max(double a, float b) { return fmax(a, b); }
inline double min(float a, double b) { return fmin(a, b); }
inline double min(double a, float b) { return fmin(a, b); }

inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline unsigned __brev(unsigned x) {
    unsigned result = 0;
    for (int i = 0; i < 32; ++i) result |= (x >> i & 1) << (31 - i);
    return result;
}
inline unsigned long long __brevll(unsigned long long x) {
    return (unsigned long long)__brev(unsigned(x)) << 32 | __brev(unsigned(x >> 32));
}
inline int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline unsigned __float_as_uint(float x) { return cudahost::bits_as<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return cudahost::bits_as<float>(x); }
