// The instructions that kernels write in `asm`. libnvrtc's double turns `asm("name …" : outputs : inputs)` into
// `cudahost::ptx::name(outputs…, inputs…)`; a kernel with one that is not here does not compile.
#pragma once
#include "half.h"
#include "threads.h"

namespace cudahost {
namespace ptx {

inline void add_sat_s32(int &out, int a, int b) {
    if (__builtin_add_overflow(a, b, &out)) out = a < 0 ? -0x7fffffff - 1 : 0x7fffffff;
}
inline void sub_sat_s32(int &out, int a, int b) {
    if (__builtin_sub_overflow(a, b, &out)) out = a < 0 ? -0x7fffffff - 1 : 0x7fffffff;
}

template <class H>
struct Packed {
    static const int per_register = 2;
    static float read(unsigned bits, int which) { return H::widen(static_cast<unsigned short>(bits >> 16 * which)); }
};
struct Tf32 {
    static const int per_register = 1;
    static float read(unsigned bits, int) { return bits_as<float>(bits & ~0x1fffu); }
};

/// m16n8kK with operands in 32-bit registers and sums in single precision; layouts: PTX ISA, "Matrix fragments for mma".
template <class E, int K>
inline void mma_m16n8(float *(&&d)[4], unsigned (&&a)[4], unsigned (&&b)[2], float (&&c)[4]) {
    struct Operands {
        float **d;
        unsigned *a, *b;
        float *c;
    } mine{d, a, b, c};
    full_warp(mine, [](Operands **all) {
        const int P = E::per_register, HALF = K / 2;
        float left[16][K], right[K][8];
        for (int lane = 0; lane < 32; ++lane) {
            int group = lane / 4, place = lane % 4;
            for (int r = 0; r < 4; ++r)
                for (int i = 0; i < P; ++i)
                    left[group + (r & 1) * 8][place * P + i + (r >> 1) * HALF] = E::read(all[lane]->a[r], i);
            for (int r = 0; r < 2; ++r)
                for (int i = 0; i < P; ++i) right[place * P + i + r * HALF][group] = E::read(all[lane]->b[r], i);
        }
        for (int lane = 0; lane < 32; ++lane)
            for (int i = 0; i < 4; ++i) {
                int row = lane / 4 + (i >> 1) * 8, col = lane % 4 * 2 + (i & 1);
                float sum = all[lane]->c[i];
                for (int k = 0; k < K; ++k) sum += left[row][k] * right[k][col];
                *all[lane]->d[i] = sum;
            }
    });
}

#define CUDAHOST_MMA(name, E, K) \
    inline void name(float &d0, float &d1, float &d2, float &d3, unsigned a0, unsigned a1, unsigned a2, unsigned a3, \
                     unsigned b0, unsigned b1, float c0, float c1, float c2, float c3) { \
        mma_m16n8<E, K>({&d0, &d1, &d2, &d3}, {a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}); \
    }
CUDAHOST_MMA(mma_sync_aligned_m16n8k16_row_col_f32_f16_f16_f32, Packed<Binary16>, 16)
CUDAHOST_MMA(mma_sync_aligned_m16n8k16_row_col_f32_bf16_bf16_f32, Packed<Brain16>, 16)
CUDAHOST_MMA(mma_sync_aligned_m16n8k8_row_col_f32_tf32_tf32_f32, Tf32, 8)
#undef CUDAHOST_MMA

/// Loads `N` matrices of 8 by 8 sixteen-bit elements; lane l has the address of row l % 8 of matrix l / 8.
template <int N, bool TRANSPOSED>
inline void ldmatrix(unsigned *(&&out)[N], unsigned address) {
    struct Operands {
        unsigned **out, address;
    } mine{out, address};
    full_warp(mine, [](Operands **all) {
        for (int matrix = 0; matrix < N; ++matrix)
            for (int lane = 0; lane < 32; ++lane) {
                unsigned short pair[2];
                for (int i = 0; i < 2; ++i) {
                    int row = lane / 4, col = lane % 4 * 2 + i;
                    int from_row = TRANSPOSED ? col : row, from_col = TRANSPOSED ? row : col;
                    const unsigned char *start = cudahost_runtime->shared + all[matrix * 8 + from_row]->address;
                    memcpy(&pair[i], start + 2 * from_col, 2);
                }
                *all[lane]->out[matrix] = unsigned(pair[0]) | unsigned(pair[1]) << 16;
            }
    });
}
#define CUDAHOST_LDMATRIX(suffix, transposed) \
    inline void ldmatrix_sync_aligned_m8n8_x1##suffix##_shared_cta_b16(unsigned &a, unsigned from) { \
        ldmatrix<1, transposed>({&a}, from); \
    } \
    inline void ldmatrix_sync_aligned_m8n8_x2##suffix##_shared_cta_b16(unsigned &a, unsigned &b, unsigned from) { \
        ldmatrix<2, transposed>({&a, &b}, from); \
    } \
    inline void ldmatrix_sync_aligned_m8n8_x4##suffix##_shared_cta_b16(unsigned &a, unsigned &b, unsigned &c, \
                                                                       unsigned &d, unsigned from) { \
        ldmatrix<4, transposed>({&a, &b, &c, &d}, from); \
    }
CUDAHOST_LDMATRIX(, false)
CUDAHOST_LDMATRIX(_trans, true)
#undef CUDAHOST_LDMATRIX

}  // namespace ptx
}  // namespace cudahost
