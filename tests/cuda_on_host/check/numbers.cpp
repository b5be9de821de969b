// The sixteen-bit formats and TF32, by bits.
#include "check.h"

#include <cmath>
#include <cstring>

CHECK(halves_round_to_nearest_even) {
    use_device(0);
    void *round = kernel("float *in, unsigned short *out, int count",
                         "for (int i = threadIdx.x; i < count; i += 32) {\n"
                         "    __half h = __half(in[i]); __nv_bfloat16 b = __nv_bfloat16(in[i]);\n"
                         "    memcpy(&out[2 * i], &h, 2); memcpy(&out[2 * i + 1], &b, 2);\n"
                         "}");
    struct Row {
        float value;
        unsigned short half, brain;
    };
    // IEEE 754 binary16 and bfloat16: ties, overflow, subnormals, signs.
    const std::vector<Row> rows = {{1.0f, 0x3c00, 0x3f80},
                                   {-2.0f, 0xc000, 0xc000},
                                   {1.00048828125f, 0x3c00, 0x3f80},   // 1 + 2^-11: a tie of f16, to even
                                   {1.00146484375f, 0x3c02, 0x3f80},   // 1 + 3 2^-11: a tie, to even
                                   {1.00390625f, 0x3c04, 0x3f80},      // 1 + 2^-8: a tie of bf16, to even
                                   {1.01171875f, 0x3c0c, 0x3f82},      // 1 + 3 2^-8: a tie of bf16, to even
                                   {65504.0f, 0x7bff, 0x4780},
                                   {65520.0f, 0x7c00, 0x4780},
                                   {5.9604645e-8f, 0x0001, 0x3380},
                                   {1e-8f, 0x0000, 0x322c},
                                   {-0.0f, 0x8000, 0x8000},
                                   {INFINITY, 0x7c00, 0x7f80}};
    std::vector<float> in;
    for (const Row &row : rows) in.push_back(row.value);
    Array<float> given(in);
    Array<unsigned short> out(2 * rows.size());
    EXPECT(launch(round, 32, {given.address, out.address, rows.size()}) == 0);
    std::vector<unsigned short> found = out.read();
    for (size_t i = 0; i < rows.size(); ++i) {
        if (found[2 * i] != rows[i].half || found[2 * i + 1] != rows[i].brain)
            std::printf("%g: %04x %04x\n", rows[i].value, found[2 * i], found[2 * i + 1]);
        EXPECT(found[2 * i] == rows[i].half);
        EXPECT(found[2 * i + 1] == rows[i].brain);
    }
}

CHECK(halves_compute_as_rounded_singles) {
    use_device(0);
    void *compute = kernel("float *out",
                           "__half a(1.0f), b(0.0006f); out[0] = float(a + b);\n"
                           "__half2 p(a, b), q = p * p; out[1] = float(q.y);\n"
                           "out[2] = float(__hfma(b, b, a)); out[3] = float(hexp(b)); out[4] = float(__hmax(a, b));");
    Array<float> out(5);
    EXPECT(launch(compute, 1, {out.address}) == 0);
    std::vector<float> found = out.read();
    EXPECT(found[0] == 1.0009765625f);  // 1.0006 lies nearer to 1 + 2^-10 than to 1
    EXPECT(std::fabs(found[1] / 3.6e-7f - 1) < 0.1f);
    EXPECT(found[2] == 1.0f && found[3] == 1.0009765625f && found[4] == 1.0f);
}

CHECK(tf32_keeps_ten_bits) {
    use_device(0);
    void *round = kernel("float *in, float *out", "out[threadIdx.x] = nvcuda::wmma::__float_to_tf32(in[threadIdx.x]);");
    // Ties go away from zero (PTX ISA, cvt.rna.tf32).
    Array<float> in(std::vector<float>{1.0f, 1.00048828125f, -1.00048828125f, 1.0004882f, 1e30f}), out(5);
    EXPECT(launch(round, 5, {in.address, out.address}) == 0);
    std::vector<float> found = out.read();
    EXPECT(found[0] == 1.0f && found[1] == 1.0009765625f && found[2] == -1.0009765625f && found[3] == 1.0f);
    EXPECT(std::fabs(found[4] / 1e30f - 1) <= 1.0f / 2048);
}
