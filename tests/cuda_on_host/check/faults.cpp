// What fails as on a GPU, and what is refused.
#include "check.h"

#include <cstdlib>
#include <cstring>

namespace {

/// The error stays: every call returns it.
void expect_broken(int code) {
    unsigned long long address;
    int value;
    EXPECT(cuCtxSynchronize() == code);
    EXPECT(cuMemAllocAsync(&address, 16, nullptr) == code);
    EXPECT(cuMemcpyDtoHAsync_v2(&value, 0, 4, nullptr) == code);
    EXPECT(cuCtxSynchronize() == code);
}

}  // namespace

CHECK(a_write_beyond_an_allocation_is_an_illegal_address) {
    use_device(0);
    void *beyond = kernel("float *out, int at", "out[at] = 1.0f;");
    // The end of an allocation of 512 bytes is the border.
    Array<float> out(128);
    EXPECT(launch(beyond, 1, {out.address, 127}) == 0);
    EXPECT(cuCtxSynchronize() == 0);
    EXPECT(launch(beyond, 1, {out.address, 128}) == 0);
    expect_broken(700);
    EXPECT(launch(beyond, 1, {out.address, 0}) == 700);
}

CHECK(a_read_before_an_allocation_is_an_illegal_address) {
    use_device(0);
    void *before = kernel("float *in, float *out", "out[0] = in[-1024 - (int)threadIdx.x]; __syncthreads();");
    Array<float> in(1024), out(1);
    EXPECT(launch(before, 64, {in.address, out.address}) == 0);
    expect_broken(700);
}

CHECK(a_stack_that_overflows_is_an_illegal_address) {
    use_device(0);
    void *deep = kernel("int *out",
                        "volatile char local[400 << 10]; for (int i = (400 << 10) - 1; i >= 0; i -= 64) local[i] = 1;\n"
                        "__syncthreads(); out[threadIdx.x] = local[0];");
    Array<int> out(64);
    EXPECT(launch(deep, 64, {out.address}) == 0);
    expect_broken(700);
}

CHECK(threads_that_wait_for_ever_end_the_launch) {
    use_device(0);
    // One half of the warp waits for the block, the other for the warp.
    void *apart = kernel("int *out", "if (threadIdx.x < 16) __syncthreads(); else __syncwarp(); out[threadIdx.x] = 1;");
    Array<int> out(32);
    EXPECT(launch(apart, 32, {out.address}) == 0);
    expect_broken(719);
}

CHECK(threads_at_different_barriers_are_told) {
    use_device(0);
    void *apart = kernel("int *out", "if (threadIdx.x < 32)\n__syncthreads();\nelse\n__syncthreads();\nout[threadIdx.x] = 1;");
    Array<int> out(64);
    EXPECT(launch(apart, 64, {out.address}) == 0);
    EXPECT(cuCtxSynchronize() == 0);
}

CHECK(tensor_cores_want_a_whole_warp) {
    use_device(0);
    void *part = kernel("float *out",
                        "nvcuda::wmma::fragment<nvcuda::wmma::accumulator, 16, 16, 16, float> c;\n"
                        "nvcuda::wmma::fragment<nvcuda::wmma::matrix_a, 16, 16, 16, __half, nvcuda::wmma::row_major> a;\n"
                        "nvcuda::wmma::fragment<nvcuda::wmma::matrix_b, 16, 16, 16, __half, nvcuda::wmma::row_major> b;\n"
                        "nvcuda::wmma::mma_sync(c, a, b, c); out[0] = c.x[0];");
    Array<float> out(1);
    EXPECT(launch(part, 16, {out.address}) == 0);
    expect_broken(719);
}

CHECK(functions_fail_on_demand) {  // CUDAHOST_FAIL=cuMemAllocAsync:2:2
    use_device(0);
    unsigned long long address;
    EXPECT(cuMemAllocAsync(&address, 16, nullptr) == 0);
    EXPECT(cuMemAllocAsync(&address, 16, nullptr) == 2);
    EXPECT(cuMemAllocAsync(&address, 16, nullptr) == 0);
}

CHECK(kernels_fail_on_demand) {  // CUDAHOST_FAIL=kernel:2:719
    use_device(0);
    void *add = kernel("int *out", "out[0] += 1;");
    Array<int> out(std::vector<int>(1, 0));
    EXPECT(launch(add, 1, {out.address}) == 0);
    EXPECT(cuCtxSynchronize() == 0);
    EXPECT(launch(add, 1, {out.address}) == 0);
    expect_broken(719);
    const char *name;
    EXPECT(cuGetErrorName(719, &name) == 0 && !std::strcmp(name, "CUDA_ERROR_LAUNCH_FAILED"));
}

CHECK(one_process_has_the_failure) {  // CUDAHOST_FAIL=cuInit:1:999, CUDAHOST_FAIL_ONCE=a file that is there
    EXPECT(cuInit(0) == 0);
}

CHECK(without_devices_there_are_none) {  // CUDAHOST_DEVICES=0
    EXPECT(cuInit(0) == 100);
}

CHECK(unknown_architectures_are_refused) {  // CUDAHOST_ARCHS=80,90
    int count, archs[2];
    EXPECT(nvrtcGetNumSupportedArchs(&count) == 0 && count == 2);
    EXPECT(nvrtcGetSupportedArchs(archs) == 0 && archs[0] == 80 && archs[1] == 90);
    const std::string source = "#include <cuda_runtime.h>\nextern \"C\" __global__ void __launch_bounds__(1) kernel(int *a) { *a = 1; }";
    EXPECT(compile(source, "sm_80").code == 0 && compile(source, "sm_90a").code == 0);
    Compiled refused = compile(source, "sm_120a");
    EXPECT(refused.code == 5 && refused.log.find("--gpu-architecture") != std::string::npos);
}

/// What is not imitated does not compile, and the log names it.
CHECK(instructions_that_are_not_imitated_are_refused) {
    for (const char *instruction :
         {"cp.async.cg.shared.global [%0], [%1], 16;", "cp.async.bulk.commit_group;", "stmatrix.sync.aligned.m8n8.x1.shared.b16 [%0], {%1};",
          "mbarrier.init.shared.b64 [%0], %1;", "barrier.cluster.arrive;", "elect.sync %0|%1, 0;", "fence.proxy.async;"}) {
        Compiled refused = compile("#include <cuda_runtime.h>\nextern \"C\" __global__ void __launch_bounds__(1) kernel(unsigned a, unsigned b) {\n"
                                   "asm volatile(\"" + std::string(instruction) + "\" : : \"r\"(a), \"r\"(b));\n}");
        EXPECT(refused.code == 6);
        EXPECT(refused.log.find(std::string(instruction, 2)) != std::string::npos);
    }
    Compiled pipeline = compile("#include <cuda/pipeline>\nextern \"C\" __global__ void __launch_bounds__(1) kernel(int *a) {}");
    EXPECT(pipeline.code == 6);
}

CHECK(tensor_cores_need_their_header) {  // CUDA_PATH without crt/mma.h
    Compiled refused = compile("#include <mma.h>\nextern \"C\" __global__ void __launch_bounds__(1) kernel(int *a) { *a = 2; }");
    EXPECT(refused.code == 6 && refused.log.find("crt/mma.h") != std::string::npos);
}
