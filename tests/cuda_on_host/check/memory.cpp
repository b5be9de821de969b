// Device memory: limits, borders, owners.
#include "check.h"

#include <cmath>

CHECK(memory_is_limited) {  // CUDAHOST_MEMORY=1M, CUDAHOST_TAKEN=100K
    use_device(0);
    size_t available, total;
    EXPECT(cuMemGetInfo_v2(&available, &total) == 0);
    EXPECT(total == 1 << 20 && available == total - (100 << 10));
    unsigned long long first, second;
    EXPECT(cuMemAllocAsync(&first, 600 << 10, nullptr) == 0);
    EXPECT(cuMemAllocAsync(&second, 400 << 10, nullptr) == 2);
    // That was no fault of the device.
    EXPECT(cuCtxSynchronize() == 0);
    EXPECT(cuMemAllocAsync(&second, 1, nullptr) == 0);
    EXPECT(cuMemGetInfo_v2(&available, &total) == 0);
    EXPECT(available == total - (700 << 10) - 512);
    EXPECT(cuMemFreeAsync(first, nullptr) == 0);
    EXPECT(cuMemFreeAsync(first, nullptr) == 1);
    EXPECT(cuMemAllocAsync(&first, 800 << 10, nullptr) == 0);
}

CHECK(copies_stay_in_their_allocation) {
    use_device(0);
    Array<float> a(128), b(128);
    float host[256];
    EXPECT(cuMemcpyDtoHAsync_v2(host, a.address, 512, nullptr) == 0);
    EXPECT(cuMemcpyDtoHAsync_v2(host, a.address, 513, nullptr) == 1);
    EXPECT(cuMemcpyHtoDAsync_v2(a.address + 4, host, 512, nullptr) == 1);
    EXPECT(cuMemcpyDtoDAsync_v2(a.address, b.address + 256, 512, nullptr) == 1);
    EXPECT(cuMemcpyDtoHAsync_v2(host, 4096, 4, nullptr) == 1);
}

CHECK(new_memory_is_zero) {
    use_device(0);
    for (float value : Array<float>(1000).read()) EXPECT(value == 0);
}

CHECK(new_memory_is_poisoned) {  // CUDAHOST_POISON=1
    use_device(0);
    for (float value : Array<float>(1000).read()) EXPECT(std::isnan(value));
    void *shared = kernel("float *out",
                          "extern __shared__ uint8 dynamic_shared_mem[];\n"
                          "out[threadIdx.x] = ((float *)dynamic_shared_mem)[threadIdx.x]; __syncthreads();\n"
                          "((float *)dynamic_shared_mem)[threadIdx.x] = 1;");
    Array<float> out(32);
    for (int time = 0; time < 2; ++time) {
        EXPECT(launch(shared, 32, {out.address}, 128) == 0);
        for (float value : out.read()) EXPECT(std::isnan(value));
    }
}

CHECK(launches_are_within_the_limits) {
    use_device(0);
    void *nothing = kernel("int *out", "out[0] = 1;");
    Array<int> out(1);
    EXPECT(launch(nothing, 1025, {out.address}) == 1);
    EXPECT(launch(nothing, 32, {out.address}, 49 << 10) == 1);
    EXPECT(cuFuncSetAttribute(nothing, 8, 164 << 10) == 1);
    EXPECT(cuFuncSetAttribute(nothing, 8, 163 << 10) == 0);
    EXPECT(launch(nothing, 32, {out.address}, 163 << 10) == 0);
    void *parameters[] = {&out.address};
    EXPECT(cuLaunchKernel(nothing, 1, 65536, 1, 1, 1, 1, 0, nullptr, parameters, nullptr) == 1);
    EXPECT(cuLaunchKernel(nothing, 1, 1, 1, 1, 1, 65, 0, nullptr, parameters, nullptr) == 1);
    EXPECT(cuCtxSynchronize() == 0);
}

CHECK(a_dry_run_executes_the_first_launches_only) {  // CUDAHOST_DRY_AFTER=1
    use_device(0);
    void *add = kernel("int *out", "out[0] += 1;");
    Array<int> out(std::vector<int>(1, 0));
    for (int time = 0; time < 3; ++time) EXPECT(launch(add, 1, {out.address}) == 0);
    EXPECT(out.read()[0] == 1);
    // Nor is a second kernel compiled.
    EXPECT(launch(kernel("int *out", "out[0] = 1 / no_such_name;"), 1, {out.address}) == 0);
}

CHECK(devices_have_memory_of_their_own) {  // CUDAHOST_DEVICES=2, _NAME=A,B, _CAPABILITY=7.5,9.0, _MEMORY=1M,2M
    use_device(0);
    int count, major[2];
    char name[2][32];
    EXPECT(cuDeviceGetCount(&count) == 0 && count == 2);
    for (int device = 0; device < 2; ++device) {
        EXPECT(cuDeviceGetName(name[device], 32, device) == 0);
        EXPECT(cuDeviceGetAttribute(&major[device], 75, device) == 0);
    }
    EXPECT(std::string(name[0]) == "A" && std::string(name[1]) == "B" && major[0] == 7 && major[1] == 9);
    void *context;
    EXPECT(cuDevicePrimaryCtxRetain(&context, 2) == 101);
    Array<int> on_first(std::vector<int>{7});
    use_device(1);
    int value = 0;
    EXPECT(cuMemcpyDtoHAsync_v2(&value, on_first.address, 4, nullptr) == 1);
    size_t available, total;
    EXPECT(cuMemGetInfo_v2(&available, &total) == 0 && total == 2 << 20 && available == total);
    // What breaks one leaves the other.
    void *far = kernel("int *out", "out[1 << 28] = 1;");
    Array<int> on_second(1);
    EXPECT(launch(far, 1, {on_second.address}) == 0);
    EXPECT(cuCtxSynchronize() == 700);
    use_device(0);
    EXPECT(cuCtxSynchronize() == 0 && on_first.read()[0] == 7);
}
