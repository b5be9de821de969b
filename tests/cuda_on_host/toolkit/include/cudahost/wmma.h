// Tensor cores as mma.h offers them: matrices in fragments of a warp.
#pragma once
#include "half.h"
#include "threads.h"

namespace nvcuda {
namespace wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
enum layout_t { mem_row_major, mem_col_major };
namespace precision {
struct tf32;
}

/// Rounds to ten bits of significand, ties away from zero.
inline float __float_to_tf32(float x) {
    unsigned bits = cudahost::bits_as<unsigned>(x);
    if ((bits & 0x7f800000) == 0x7f800000) return x;
    return cudahost::bits_as<float>((bits + 0x1000) & ~0x1fffu);
}

template <class T>
struct Stored {
    using type = T;
    static float read(T x) { return float(x); }
};
template <>
struct Stored<precision::tf32> {
    using type = float;
    /// Tensor cores ignore the low bits.
    static float read(float x) { return cudahost::bits_as<float>(cudahost::bits_as<unsigned>(x) & ~0x1fffu); }
};

template <class Use, int M, int N, int K>
struct Extent;
template <int M, int N, int K>
struct Extent<matrix_a, M, N, K> {
    static const int rows = M, cols = K;
};
template <int M, int N, int K>
struct Extent<matrix_b, M, N, K> {
    static const int rows = K, cols = N;
};
template <int M, int N, int K>
struct Extent<accumulator, M, N, K> {
    static const int rows = M, cols = N;
};

/// A lane's share of a matrix: the elements from lane times `num_elements` on, row by row. The hardware's layout is another.
template <class Use, int M, int N, int K, class T, class Layout = void>
struct fragment {
    static const int rows = Extent<Use, M, N, K>::rows, cols = Extent<Use, M, N, K>::cols;
    enum { num_elements = rows * cols / 32 };
    typename Stored<T>::type x[num_elements];
};

template <class F, class V>
inline void fill_fragment(F &fragment, V value) {
    for (auto &element : fragment.x) element = value;
}

namespace detail {
template <class F, class T>
inline void load(F &fragment, const T *from, unsigned stride, bool by_rows) {
    for (int k = 0; k < F::num_elements; ++k) {
        int place = int(cudahost::lane()) * F::num_elements + k, row = place / F::cols, col = place % F::cols;
        fragment.x[k] = by_rows ? from[row * stride + col] : from[col * stride + row];
    }
}
}  // namespace detail

template <class U, int M, int N, int K, class T, class V>
inline void load_matrix_sync(fragment<U, M, N, K, T, row_major> &to, const V *from, unsigned stride) {
    __syncwarp();
    detail::load(to, from, stride, true);
}
template <class U, int M, int N, int K, class T, class V>
inline void load_matrix_sync(fragment<U, M, N, K, T, col_major> &to, const V *from, unsigned stride) {
    __syncwarp();
    detail::load(to, from, stride, false);
}
template <int M, int N, int K, class T, class V>
inline void load_matrix_sync(fragment<accumulator, M, N, K, T> &to, const V *from, unsigned stride, layout_t layout) {
    __syncwarp();
    detail::load(to, from, stride, layout == mem_row_major);
}

template <class V, int M, int N, int K, class T>
inline void store_matrix_sync(V *to, const fragment<accumulator, M, N, K, T> &from, unsigned stride, layout_t layout) {
    using F = fragment<accumulator, M, N, K, T>;
    // Before: no lane may still read what lay there. After: CubeCL lets lanes read what others have stored without
    // a barrier of its own, which the hardware's converged warps allow.
    __syncwarp();
    for (int k = 0; k < F::num_elements; ++k) {
        int place = int(cudahost::lane()) * F::num_elements + k, row = place / F::cols, col = place % F::cols;
        to[layout == mem_row_major ? row * stride + col : col * stride + row] = from.x[k];
    }
    __syncwarp();
}

template <int M, int N, int K, class TA, class LA, class TB, class LB, class TC, class TD>
inline void mma_sync(fragment<accumulator, M, N, K, TD> &d, const fragment<matrix_a, M, N, K, TA, LA> &a,
                     const fragment<matrix_b, M, N, K, TB, LB> &b, const fragment<accumulator, M, N, K, TC> &c) {
    struct Operands {
        fragment<accumulator, M, N, K, TD> *into;
        const fragment<matrix_a, M, N, K, TA, LA> *first;
        const fragment<matrix_b, M, N, K, TB, LB> *second;
        const fragment<accumulator, M, N, K, TC> *addend;
    } mine{&d, &a, &b, &c};
    cudahost::full_warp(mine, [](Operands **all) {
        float left[M][K], right[K][N], sums[M][N];
        for (int i = 0; i < M * K; ++i)
            left[i / K][i % K] = Stored<TA>::read(all[i / (M * K / 32)]->first->x[i % (M * K / 32)]);
        for (int i = 0; i < K * N; ++i)
            right[i / N][i % N] = Stored<TB>::read(all[i / (K * N / 32)]->second->x[i % (K * N / 32)]);
        for (int i = 0; i < M * N; ++i) sums[i / N][i % N] = float(all[i / (M * N / 32)]->addend->x[i % (M * N / 32)]);
        for (int m = 0; m < M; ++m)
            for (int k = 0; k < K; ++k)
                for (int n = 0; n < N; ++n) sums[m][n] += left[m][k] * right[k][n];
        for (int i = 0; i < M * N; ++i) all[i / (M * N / 32)]->into->x[i % (M * N / 32)] = sums[i / N][i % N];
    });
}

}  // namespace wmma
}  // namespace nvcuda
