// What the checks of the stand-in share: the driver's and NVRTC's functions, and kernels on arrays.
#pragma once
#include <cstddef>
#include <cstdio>
#include <string>
#include <vector>

extern "C" {
int cuInit(unsigned);
int cuDeviceGetCount(int *);
int cuDeviceGetName(char *, int, int);
int cuDeviceGetAttribute(int *, int, int);
int cuDevicePrimaryCtxRetain(void **, int);
int cuCtxSetCurrent(void *);
int cuCtxSynchronize();
int cuGetErrorName(int, const char **);
int cuMemGetInfo_v2(size_t *, size_t *);
int cuMemAllocAsync(unsigned long long *, size_t, void *);
int cuMemFreeAsync(unsigned long long, void *);
int cuMemcpyHtoDAsync_v2(unsigned long long, const void *, size_t, void *);
int cuMemcpyDtoHAsync_v2(void *, unsigned long long, size_t, void *);
int cuMemcpyDtoDAsync_v2(unsigned long long, unsigned long long, size_t, void *);
int cuModuleLoadData(void **, const char *);
int cuModuleGetFunction(void **, void *, const char *);
int cuFuncSetAttribute(void *, int, int);
int cuLaunchKernel(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
int nvrtcCreateProgram(void **, const char *, const char *, int, const char **, const char **);
int nvrtcDestroyProgram(void **);
int nvrtcCompileProgram(void *, int, const char **);
int nvrtcGetPTXSize(void *, size_t *);
int nvrtcGetPTX(void *, char *);
int nvrtcGetProgramLogSize(void *, size_t *);
int nvrtcGetProgramLog(void *, char *);
int nvrtcGetNumSupportedArchs(int *);
int nvrtcGetSupportedArchs(int *);
}

/// Registers a check under its name: `check NAME` runs it.
struct Check {
    Check(const char *name, void (*run)());
};
#define CHECK(name) \
    static void name(); \
    static Check registered_##name(#name, name); \
    static void name()

/// Ends the program unless a condition holds.
void expect_at(bool holds, const char *what, const char *file, int line);
#define EXPECT(condition) expect_at((condition), #condition, __FILE__, __LINE__)

/// Makes a device current.
void use_device(int index);

/// Outcome of a compilation: NVRTC's code, its log, and what it made.
struct Compiled {
    int code;
    std::string log, image;
};
Compiled compile(const std::string &source, const char *architecture = "sm_80");

/// A kernel named `kernel`, from its parameters and body: `kernel("float *a", "a[threadIdx.x] = 1;")`.
void *kernel(const std::string &parameters, const std::string &body);

/// One block of a kernel with pointers as its parameters; returns the code of the launch.
int launch(void *kernel, unsigned threads, std::vector<unsigned long long> parameters, unsigned shared = 0);

/// An array on the current device.
template <class T>
struct Array {
    unsigned long long address = 0;
    size_t count;
    explicit Array(size_t count) : count(count) { EXPECT(cuMemAllocAsync(&address, count * sizeof(T), nullptr) == 0); }
    explicit Array(const std::vector<T> &values) : Array(values.size()) {
        EXPECT(cuMemcpyHtoDAsync_v2(address, values.data(), count * sizeof(T), nullptr) == 0);
    }
    std::vector<T> read() const {
        std::vector<T> values(count);
        EXPECT(cuMemcpyDtoHAsync_v2(values.data(), address, count * sizeof(T), nullptr) == 0);
        return values;
    }
};

/// Numbers between -2 and 2, the same for the same seed.
std::vector<float> numbers(size_t count, unsigned seed);
