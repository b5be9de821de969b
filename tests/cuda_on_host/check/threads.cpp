// Threads of a block and lanes of a warp, against plain loops.
#include "check.h"

/// Each thread finds its place in grid and block.
CHECK(every_thread_runs_once) {
    use_device(0);
    void *count = kernel("int *out, int *wrong",
                         "int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);\n"
                         "int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);\n"
                         "if (warpSize != 32) *wrong = 1;\n"
                         "atomicAdd(&out[block * 105 + thread], 1);");
    Array<int> out(std::vector<int>(24 * 105, 0)), wrong(std::vector<int>(1, 0));
    void *parameters[] = {&out.address, &wrong.address};
    EXPECT(cuLaunchKernel(count, 2, 3, 4, 3, 5, 7, 0, nullptr, parameters, nullptr) == 0);
    EXPECT(out.read() == std::vector<int>(24 * 105, 1));
    EXPECT(wrong.read()[0] == 0);
}

/// A tree of sums in shared memory: wrong as soon as one barrier does not hold all threads.
CHECK(barriers_hold_all_threads_of_a_block) {
    use_device(0);
    void *sum = kernel("float *in, float *out",
                       "extern __shared__ uint8 dynamic_shared_mem[];\n"
                       "float *shared = (float *)dynamic_shared_mem;\n"
                       // The last thread writes first and reads last.
                       "unsigned thread = blockDim.x - 1 - threadIdx.x;\n"
                       "shared[thread] = in[thread];\n"
                       "for (unsigned width = blockDim.x / 2; width > 0; width /= 2) {\n"
                       "    __syncthreads();\n"
                       "    float other = thread < width ? shared[thread + width] : 0.0f;\n"
                       "    __syncthreads();\n"
                       "    shared[thread] += other;\n"
                       "}\n"
                       "__syncthreads();\n"
                       "out[threadIdx.x] = shared[0];");
    for (unsigned threads : {2u, 32u, 64u, 1024u}) {
        std::vector<float> in(threads);
        double expected = 0;
        for (unsigned i = 0; i < threads; ++i) expected += in[i] = static_cast<float>(i * i % 17);
        Array<float> given(in), out(threads);
        EXPECT(launch(sum, threads, {given.address, out.address}, threads * 4) == 0);
        for (float value : out.read()) EXPECT(value == static_cast<float>(expected));
    }
}

/// A thread that has left is not waited for.
CHECK(threads_that_have_left_are_not_waited_for) {
    use_device(0);
    void *leave = kernel("int *out",
                         "if (threadIdx.x % 3 == 0) return;\n"
                         "for (int round = 0; round < 3; ++round) { __syncthreads(); out[threadIdx.x] += 1; __syncwarp(); }");
    Array<int> out(std::vector<int>(100, 0));
    EXPECT(launch(leave, 100, {out.address}) == 0);
    std::vector<int> found = out.read();
    for (int i = 0; i < 100; ++i) EXPECT(found[i] == (i % 3 ? 3 : 0));
}

CHECK(shuffles_move_values_between_lanes) {
    use_device(0);
    void *shuffle = kernel("int *out",
                           "int lane = threadIdx.x % 32, mine = 100 * (threadIdx.x / 32) + lane;\n"
                           "int *to = out + 4 * threadIdx.x;\n"
                           "to[0] = __shfl_sync(~0u, mine, (lane * 5 + 3) % 32);\n"
                           "to[1] = __shfl_xor_sync(~0u, mine, 6);\n"
                           "to[2] = __shfl_up_sync(~0u, mine, 9);\n"
                           "to[3] = __shfl_down_sync(~0u, mine, 9);");
    Array<int> out(4 * 96);
    EXPECT(launch(shuffle, 96, {out.address}) == 0);
    std::vector<int> found = out.read();
    for (int thread = 0; thread < 96; ++thread) {
        int lane = thread % 32, base = thread / 32 * 100, *of = &found[4 * thread];
        EXPECT(of[0] == base + (lane * 5 + 3) % 32);
        EXPECT(of[1] == base + (lane ^ 6));
        EXPECT(of[2] == base + (lane < 9 ? lane : lane - 9));
        EXPECT(of[3] == base + (lane + 9 > 31 ? lane : lane + 9));
    }
}

CHECK(ballots_count_every_lane) {
    use_device(0);
    void *vote = kernel("unsigned *out",
                        "unsigned *to = out + 4 * threadIdx.x;\n"
                        "to[0] = __ballot_sync(~0u, threadIdx.x % 5 == 1);\n"
                        "to[1] = __any_sync(~0u, threadIdx.x == 40);\n"
                        "to[2] = __all_sync(~0u, threadIdx.x < 32);\n"
                        "to[3] = __ballot_sync(~0u, 1);");
    // The last warp has eight lanes.
    Array<unsigned> out(4 * 72);
    EXPECT(launch(vote, 72, {out.address}) == 0);
    std::vector<unsigned> found = out.read();
    for (unsigned thread = 0; thread < 72; ++thread) {
        unsigned warp = thread / 32, lanes = warp == 2 ? 8 : 32, expected = 0;
        for (unsigned lane = 0; lane < lanes; ++lane) expected |= unsigned((32 * warp + lane) % 5 == 1) << lane;
        unsigned *of = &found[4 * thread];
        EXPECT(of[0] == expected);
        EXPECT(of[1] == (warp == 1));
        EXPECT(of[2] == (warp == 0));
        EXPECT(of[3] == (lanes == 32 ? ~0u : 0xffu));
    }
}

CHECK(atomics_of_all_threads_count) {
    use_device(0);
    void *count = kernel("int *out, float *sum",
                         "atomicAdd(&out[0], 2); atomicMax(&out[1], (int)threadIdx.x); atomicMin(&out[2], -(int)threadIdx.x);\n"
                         "atomicOr(&out[3], 1 << threadIdx.x % 7); atomicAdd(sum, 0.5f);\n"
                         "int seen = out[4], was;\n"
                         "do { was = seen; seen = atomicCAS(&out[4], was, was + 3); } while (seen != was);");
    Array<int> out(std::vector<int>(5, 0));
    Array<float> sum(std::vector<float>(1, 0));
    EXPECT(launch(count, 256, {out.address, sum.address}) == 0);
    EXPECT((out.read() == std::vector<int>{512, 255, -255, 127, 768}));
    EXPECT(sum.read()[0] == 128.0f);
}
