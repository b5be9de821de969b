// The sixteen-bit numbers, alone and in pairs.
#pragma once
#include <math.h>

#include "language.h"

namespace cudahost {

struct Binary16 {
    static unsigned short round(float x) { return bits_as<unsigned short>(static_cast<_Float16>(x)); }
    static float widen(unsigned short bits) { return static_cast<float>(bits_as<_Float16>(bits)); }
};

struct Brain16 {
    static unsigned short round(float x) {
        unsigned bits = bits_as<unsigned>(x);
        if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
        return static_cast<unsigned short>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
    static float widen(unsigned short bits) { return bits_as<float>(unsigned(bits) << 16); }
};

template <class T>
struct IsNumber {
    static const bool value = false;
};
#define CUDAHOST_NUMBER(T) \
    template <> \
    struct IsNumber<T> { \
        static const bool value = true; \
    };
CUDAHOST_NUMBER(bool)
CUDAHOST_NUMBER(char)
CUDAHOST_NUMBER(signed char)
CUDAHOST_NUMBER(unsigned char)
CUDAHOST_NUMBER(short)
CUDAHOST_NUMBER(unsigned short)
CUDAHOST_NUMBER(int)
CUDAHOST_NUMBER(unsigned)
CUDAHOST_NUMBER(long)
CUDAHOST_NUMBER(unsigned long)
CUDAHOST_NUMBER(long long)
CUDAHOST_NUMBER(unsigned long long)
CUDAHOST_NUMBER(float)
CUDAHOST_NUMBER(double)
#undef CUDAHOST_NUMBER
template <bool>
struct If {};
template <>
struct If<true> {
    using type = int;
};

/// A sixteen-bit number: every operation is made in single precision and rounded once.
template <class Format>
struct Half {
    unsigned short bits;
    Half() = default;
    template <class T, typename If<IsNumber<T>::value>::type = 0>
    Half(T x) : bits(Format::round(static_cast<float>(x))) {}
    template <class Other>
    explicit Half(Half<Other> x) : bits(Format::round(static_cast<float>(x))) {}
    operator float() const { return Format::widen(bits); }

    friend Half operator+(Half a, Half b) { return float(a) + float(b); }
    friend Half operator-(Half a, Half b) { return float(a) - float(b); }
    friend Half operator*(Half a, Half b) { return float(a) * float(b); }
    friend Half operator/(Half a, Half b) { return float(a) / float(b); }
    friend Half operator-(Half a) { return -float(a); }
    friend Half operator+(Half a) { return a; }
    Half &operator+=(Half b) { return *this = *this + b; }
    Half &operator-=(Half b) { return *this = *this - b; }
    Half &operator*=(Half b) { return *this = *this * b; }
    Half &operator/=(Half b) { return *this = *this / b; }
    friend bool operator==(Half a, Half b) { return float(a) == float(b); }
    friend bool operator!=(Half a, Half b) { return float(a) != float(b); }
    friend bool operator<(Half a, Half b) { return float(a) < float(b); }
    friend bool operator>(Half a, Half b) { return float(a) > float(b); }
    friend bool operator<=(Half a, Half b) { return float(a) <= float(b); }
    friend bool operator>=(Half a, Half b) { return float(a) >= float(b); }
};

template <class H>
struct __align__(4) Pair {
    H x, y;
    Pair() = default;
    Pair(H a) : x(a), y(a) {}
    Pair(H a, H b) : x(a), y(b) {}
    friend Pair operator+(Pair a, Pair b) { return {a.x + b.x, a.y + b.y}; }
    friend Pair operator-(Pair a, Pair b) { return {a.x - b.x, a.y - b.y}; }
    friend Pair operator*(Pair a, Pair b) { return {a.x * b.x, a.y * b.y}; }
    friend Pair operator/(Pair a, Pair b) { return {a.x / b.x, a.y / b.y}; }
    friend Pair operator-(Pair a) { return {-a.x, -a.y}; }
    Pair &operator+=(Pair b) { return *this = *this + b; }
    Pair &operator-=(Pair b) { return *this = *this - b; }
    Pair &operator*=(Pair b) { return *this = *this * b; }
    Pair &operator/=(Pair b) { return *this = *this / b; }
};

template <class T>
struct IsHalf {
    static const bool value = false;
};
template <class F>
struct IsHalf<Half<F>> {
    static const bool value = true;
};

}  // namespace cudahost

typedef cudahost::Half<cudahost::Binary16> __half;
typedef cudahost::Half<cudahost::Brain16> __nv_bfloat16;
typedef cudahost::Pair<__half> __half2;
typedef cudahost::Pair<__nv_bfloat16> __nv_bfloat162;
typedef __half half;
typedef __half2 half2;

template <class F>
inline cudahost::Half<F> __hmax(cudahost::Half<F> a, cudahost::Half<F> b) { return fmaxf(a, b); }
template <class F>
inline cudahost::Half<F> __hmin(cudahost::Half<F> a, cudahost::Half<F> b) { return fminf(a, b); }
template <class F>
inline cudahost::Half<F> __habs(cudahost::Half<F> a) { return fabsf(a); }
template <class F>
inline cudahost::Half<F> __hfma(cudahost::Half<F> a, cudahost::Half<F> b, cudahost::Half<F> c) {
    return static_cast<float>(double(a) * double(b) + double(c));
}
template <class F>
inline bool __hisnan(cudahost::Half<F> a) { return isnan(float(a)); }
template <class F>
inline int __hisinf(cudahost::Half<F> a) { return isinf(float(a)); }
template <class H>
inline cudahost::Pair<H> __hmax2(cudahost::Pair<H> a, cudahost::Pair<H> b) { return {__hmax(a.x, b.x), __hmax(a.y, b.y)}; }
template <class H>
inline cudahost::Pair<H> __hmin2(cudahost::Pair<H> a, cudahost::Pair<H> b) { return {__hmin(a.x, b.x), __hmin(a.y, b.y)}; }
template <class H>
inline cudahost::Pair<H> __habs2(cudahost::Pair<H> a) { return {__habs(a.x), __habs(a.y)}; }
template <class H>
inline cudahost::Pair<H> __hfma2(cudahost::Pair<H> a, cudahost::Pair<H> b, cudahost::Pair<H> c) {
    return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)};
}

#define CUDAHOST_HALF_FUNCTION(name, body) \
    template <class F> \
    inline cudahost::Half<F> h##name(cudahost::Half<F> h) { \
        float x = h; \
        return body; \
    } \
    template <class H> \
    inline cudahost::Pair<H> h2##name(cudahost::Pair<H> p) { return {h##name(p.x), h##name(p.y)}; }
CUDAHOST_HALF_FUNCTION(exp, expf(x))
CUDAHOST_HALF_FUNCTION(exp2, exp2f(x))
CUDAHOST_HALF_FUNCTION(log, logf(x))
CUDAHOST_HALF_FUNCTION(log2, log2f(x))
CUDAHOST_HALF_FUNCTION(sin, sinf(x))
CUDAHOST_HALF_FUNCTION(cos, cosf(x))
CUDAHOST_HALF_FUNCTION(sqrt, sqrtf(x))
CUDAHOST_HALF_FUNCTION(rsqrt, rsqrtf(x))
CUDAHOST_HALF_FUNCTION(rcp, 1.0f / x)
CUDAHOST_HALF_FUNCTION(ceil, ceilf(x))
CUDAHOST_HALF_FUNCTION(floor, floorf(x))
CUDAHOST_HALF_FUNCTION(trunc, truncf(x))
CUDAHOST_HALF_FUNCTION(rint, rintf(x))
#undef CUDAHOST_HALF_FUNCTION

inline __half __float2half(float x) { return x; }
inline __half __float2half_rn(float x) { return x; }
inline float __half2float(__half x) { return x; }
inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
inline float __bfloat162float(__nv_bfloat16 x) { return x; }
