// `wmma`, `mma.sync` and `ldmatrix` against plain loops in double precision over operands rounded here. Layouts of
// `mma.sync` are written out in the kernels, from PTX ISA, "Matrix fragments for mma".
#include "check.h"

#include <cmath>
#include <cstdint>
#include <cstring>

namespace {

/// Rounds to so many bits of significand, the leading one included.
float rounded(float value, int bits, double (*round)(double)) {
    int exponent;
    double fraction = std::frexp(static_cast<double>(value), &exponent);
    return static_cast<float>(std::ldexp(round(std::ldexp(fraction, bits)), exponent - bits));
}

using Format = float (*)(float);
float f16(float value) { return rounded(value, 11, std::nearbyint); }
float bf16(float value) { return rounded(value, 8, std::nearbyint); }
/// Ties go away from zero.
float tf32(float value) { return rounded(value, 11, std::round); }

/// rows x inner times inner x columns, added to `start`.
std::vector<double> product(const std::vector<float> &a, const std::vector<float> &b, const std::vector<float> &start,
                            int rows, int inner, int columns, Format format) {
    std::vector<double> sums(start.begin(), start.end());
    for (int m = 0; m < rows; ++m)
        for (int n = 0; n < columns; ++n)
            for (int k = 0; k < inner; ++k)
                sums[m * columns + n] += double(format(a[m * inner + k])) * format(b[k * columns + n]);
    return sums;
}

void expect_near(const std::vector<float> &found, const std::vector<double> &expected) {
    EXPECT(found.size() == expected.size());
    // Sums of at most 16 products below 4 each, in single precision.
    for (size_t i = 0; i < found.size(); ++i) EXPECT(std::fabs(found[i] - expected[i]) < 1e-5);
}

std::vector<float> transposed(const std::vector<float> &values, int rows, int columns) {
    std::vector<float> result(values.size());
    for (int row = 0; row < rows; ++row)
        for (int column = 0; column < columns; ++column) result[column * rows + row] = values[row * columns + column];
    return result;
}

void check_wmma(const std::string &type, const std::string &element, const std::string &convert, int k, Format format) {
    const std::string shape = "16, 16, " + std::to_string(k);
    std::vector<float> a = numbers(16 * k, 1), b = numbers(k * 16, 2), c = numbers(256, 3);
    std::vector<double> expected = product(a, b, c, 16, k, 16, format);
    for (bool a_by_rows : {true, false})
        for (bool b_by_rows : {true, false})
            for (bool out_by_rows : {true, false}) {
                auto layout = [](bool rows) { return rows ? std::string("row_major") : std::string("col_major"); };
                auto stride = [](bool rows, int when, int otherwise) { return std::to_string(rows ? when : otherwise); };
                void *multiply = kernel(
                    "float *a, float *b, float *c, float *out",
                    "using namespace nvcuda;\n"
                    "__shared__ static " + element + " left[16 * 16], right[16 * 16];\n"
                    "for (int i = threadIdx.x; i < 16 * " + std::to_string(k) + "; i += 32) {\n"
                    "    left[i] = " + convert + "(a[i]); right[i] = " + convert + "(b[i]);\n"
                    "}\n"
                    "__syncwarp();\n"
                    "wmma::fragment<wmma::matrix_a, " + shape + ", " + type + ", wmma::" + layout(a_by_rows) + "> x;\n"
                    "wmma::fragment<wmma::matrix_b, " + shape + ", " + type + ", wmma::" + layout(b_by_rows) + "> y;\n"
                    "wmma::fragment<wmma::accumulator, " + shape + ", float> sums;\n"
                    "wmma::load_matrix_sync(x, left, " + stride(a_by_rows, k, 16) + ");\n"
                    "wmma::load_matrix_sync(y, right, " + stride(b_by_rows, 16, k) + ");\n"
                    "wmma::load_matrix_sync(sums, c, 16, wmma::mem_row_major);\n"
                    "wmma::mma_sync(sums, x, y, sums);\n"
                    "wmma::store_matrix_sync(out, sums, 16, wmma::mem_" + layout(out_by_rows) + ");");
                Array<float> left(a_by_rows ? a : transposed(a, 16, k)), right(b_by_rows ? b : transposed(b, k, 16));
                Array<float> start(c), out(256);
                EXPECT(launch(multiply, 32, {left.address, right.address, start.address, out.address}) == 0);
                std::vector<float> found = out.read();
                expect_near(out_by_rows ? found : transposed(found, 16, 16), expected);
            }
}

/// m16n8kK. `pack` makes a register of the operands at `x` and the one after it in the inner dimension.
void check_mma(const std::string &instruction, const std::string &pack, int k, int per_register, Format format) {
    const std::string inner = std::to_string(k), each = std::to_string(per_register), half = std::to_string(k / 2);
    std::vector<float> a = numbers(16 * k, 4), b = numbers(k * 8, 5), c = numbers(128, 6);
    void *multiply = kernel(
        "float *a, float *b, float *c, float *out",
        "int group = threadIdx.x / 4, place = threadIdx.x % 4;\n"
        "unsigned x[4], y[2];\n"
        "for (int r = 0; r < 4; ++r) {\n"
        "    float *at = a + (group + (r % 2) * 8) * " + inner + " + place * " + each + " + (r / 2) * " + half + ";\n"
        "    const int step = 1; x[r] = " + pack + ";\n"
        "}\n"
        "for (int r = 0; r < 2; ++r) {\n"
        "    float *at = b + (place * " + each + " + r * " + half + ") * 8 + group;\n"
        "    const int step = 8; y[r] = " + pack + ";\n"
        "}\n"
        "float s[4], d[4];\n"
        "for (int i = 0; i < 4; ++i) s[i] = c[(group + i / 2 * 8) * 8 + place * 2 + i % 2];\n"
        "asm(\"" + instruction + " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%10, %11, %12, %13};\"\n"
        "    : \"=f\"(d[0]), \"=f\"(d[1]), \"=f\"(d[2]), \"=f\"(d[3])\n"
        "    : \"r\"(x[0]), \"r\"(x[1]), \"r\"(x[2]), \"r\"(x[3]), \"r\"(y[0]), \"r\"(y[1]),\n"
        "      \"f\"(s[0]), \"f\"(s[1]), \"f\"(s[2]), \"f\"(s[3]));\n"
        "for (int i = 0; i < 4; ++i) out[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = d[i];");
    Array<float> left(a), right(b), start(c), out(128);
    EXPECT(launch(multiply, 32, {left.address, right.address, start.address, out.address}) == 0);
    expect_near(out.read(), product(a, b, c, 16, k, 8, format));
}

std::string pair_of(const std::string &type) {
    return "({ " + type + " pair[2] = {" + type + "(at[0]), " + type + "(at[step])}; unsigned both; memcpy(&both, pair, 4); both; })";
}

}  // namespace

CHECK(wmma_in_f16) { use_device(0); check_wmma("__half", "__half", "__half", 16, f16); }
CHECK(wmma_in_bf16) { use_device(0); check_wmma("__nv_bfloat16", "__nv_bfloat16", "__nv_bfloat16", 16, bf16); }
CHECK(wmma_in_tf32) { use_device(0); check_wmma("wmma::precision::tf32", "float", "wmma::__float_to_tf32", 8, tf32); }

CHECK(mma_sync_in_f16) {
    use_device(0);
    check_mma("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", pair_of("__half"), 16, 2, f16);
}
CHECK(mma_sync_in_bf16) {
    use_device(0);
    check_mma("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", pair_of("__nv_bfloat16"), 16, 2, bf16);
}
CHECK(mma_sync_in_tf32) {
    use_device(0);
    check_mma("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32",
              "__float_as_uint(nvcuda::wmma::__float_to_tf32(at[0]))", 8, 1, tf32);
}

/// Lane l gets elements 2(l % 4) and 2(l % 4) + 1 of row l / 4, or of that column.
CHECK(ldmatrix_gives_each_lane_its_pair) {
    use_device(0);
    for (bool trans : {false, true}) {
        void *load = kernel(
            "unsigned short *in, unsigned *out",
            "extern __shared__ uint8 dynamic_shared_mem[];\n"
            "unsigned short *shared = (unsigned short *)dynamic_shared_mem;\n"
            "for (int i = threadIdx.x; i < 256; i += 32) shared[i] = in[i];\n"
            "__syncwarp();\n"
            "unsigned a, b, c, d, from = (unsigned)__cvta_generic_to_shared(shared + 8 * threadIdx.x);\n"
            "asm(\"ldmatrix.sync.aligned.m8n8.x4" + std::string(trans ? ".trans" : "") +
                ".shared::cta.b16 {%0, %1, %2, %3}, [%4];\"\n"
            "    : \"=r\"(a), \"=r\"(b), \"=r\"(c), \"=r\"(d) : \"r\"(from));\n"
            "unsigned *to = out + 4 * threadIdx.x; to[0] = a; to[1] = b; to[2] = c; to[3] = d;");
        std::vector<unsigned short> in(256);
        for (int i = 0; i < 256; ++i) in[i] = static_cast<unsigned short>(i);
        Array<unsigned short> given(in);
        Array<unsigned> out(128);
        EXPECT(launch(load, 32, {given.address, out.address}, 512) == 0);
        std::vector<unsigned> found = out.read();
        for (int lane = 0; lane < 32; ++lane)
            for (int matrix = 0; matrix < 4; ++matrix) {
                auto at = [&](int i) {
                    int row = lane / 4, column = lane % 4 * 2 + i;
                    return static_cast<unsigned>(trans ? matrix * 64 + column * 8 + row : matrix * 64 + row * 8 + column);
                };
                EXPECT(found[4 * lane + matrix] == (at(0) | at(1) << 16));
            }
    }
}

/// CubeCL's kernels with `mma.sync` have no barrier where a lane reads what others have just stored, nor before it stores anew.
CHECK(lanes_of_a_kernel_with_mma_sync_go_in_step) {
    use_device(0);
    void *turn = kernel(
        "float *in, float *out",
        "extern __shared__ uint8 dynamic_shared_mem[];\n"
        "float *shared_memory_1 = (float *)dynamic_shared_mem;\n"
        "unsigned a = 0, b = 0, lane = threadIdx.x;\n"
        "float c = 0, d[4];\n"
        "asm(\"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%10, %11, %12, %13};\"\n"
        "    : \"=f\"(d[0]), \"=f\"(d[1]), \"=f\"(d[2]), \"=f\"(d[3])\n"
        "    : \"r\"(a), \"r\"(a), \"r\"(a), \"r\"(a), \"r\"(b), \"r\"(b), \"f\"(c), \"f\"(c), \"f\"(c), \"f\"(c));\n"
        "for (int round = 0; round < 3; ++round) {\n"
        "shared_memory_1[lane] = in[32 * round + lane] + d[0];\n"
        "const float next = shared_memory_1[(lane + 1) % 32];\n"
        " float *_tmp_0 = reinterpret_cast< float*>(shared_memory_1);\n"
        "_tmp_0[31 - lane] = next;\n"
        "out[32 * round + lane] = shared_memory_1[(lane + 5) % 32];\n"
        "}");
    std::vector<float> in = numbers(96, 7);
    Array<float> given(in), out(96);
    EXPECT(launch(turn, 32, {given.address, out.address}, 128) == 0);
    std::vector<float> found = out.read();
    for (int round = 0; round < 3; ++round)
        for (int lane = 0; lane < 32; ++lane)
            EXPECT(found[32 * round + lane] == in[32 * round + (31 - (lane + 5) % 32 + 1) % 32]);
}
