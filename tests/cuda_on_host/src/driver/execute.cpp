#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

#include "fibers.h"
#include "kernel.h"
#include "log.h"
#include "memory.h"
#include "results.h"

namespace cudahost {

const Kernel *kernel_now;
void **parameters_now;
Runtime runtime;

namespace {

const size_t SHARED = 256 << 10;

/// One kernel at a time.
std::mutex launch_mutex;
sigjmp_buf escape;
volatile int escape_code;
volatile sig_atomic_t in_kernel = 0;
thread_local bool executes = false;

struct sigaction segv_before, bus_before, fpe_before;

void on_signal(int signal, siginfo_t *info, void *context) {
    if (in_kernel && executes) {
        char text[256];
        std::snprintf(text, sizeof text, "cudahost: kernel %s, block %u %u %u, thread %u %u %u: signal %d at address %p\n",
                      kernel_now->name.c_str(), runtime.block.x, runtime.block.y, runtime.block.z, runtime.thread.x,
                      runtime.thread.y, runtime.thread.z, signal, info->si_addr);
        (void)!write(2, text, std::strlen(text));
        abandon(signal == SIGFPE ? LAUNCH_FAILED : ILLEGAL_ADDRESS);
    }
    struct sigaction &before = signal == SIGSEGV ? segv_before : signal == SIGBUS ? bus_before : fpe_before;
    if (before.sa_flags & SA_SIGINFO) before.sa_sigaction(signal, info, context);
    else if (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
        std::signal(signal, SIG_DFL);
        raise(signal);
    } else before.sa_handler(signal);
}

/// Signals need a stack of their own: that of a fiber may be what has overflowed.
void provide_signal_stack() {
    stack_t given;
    if (sigaltstack(nullptr, &given) == 0 && !(given.ss_flags & SS_DISABLE)) return;
    static thread_local char own[64 << 10];
    stack_t stack = {};
    stack.ss_sp = own;
    stack.ss_size = sizeof own;
    sigaltstack(&stack, nullptr);
}

void prepare() {
    provide_signal_stack();
    static bool prepared = false;
    if (prepared) return;
    prepared = true;
    runtime.shared = static_cast<unsigned char *>(
        mmap(nullptr, SHARED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    runtime.fail = fail;
    struct sigaction action = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &segv_before);
    sigaction(SIGBUS, &action, &bus_before);
    sigaction(SIGFPE, &action, &fpe_before);
}

}  // namespace

[[noreturn]] void abandon(int code) {
    escape_code = code;
    siglongjmp(escape, 1);
}

void fail(const char *message) {
    complain("kernel %s, block %u %u %u, thread %u %u %u: %s", kernel_now->name.c_str(), runtime.block.x,
             runtime.block.y, runtime.block.z, runtime.thread.x, runtime.thread.y, runtime.thread.z, message);
    abandon(LAUNCH_FAILED);
}

int execute(const Kernel &kernel, Dim grid, Dim dim, unsigned shared, void **parameters) {
    std::lock_guard<std::mutex> lock(launch_mutex);
    prepare();
    kernel_now = &kernel;
    parameters_now = parameters;
    runtime.grid_dim = grid;
    runtime.block_dim = dim;
    if (kernel.cooperative) prepare_fibers(dim.x * dim.y * dim.z);
    kernel.bind(&runtime);
    int outcome = SUCCESS;
    executes = true;
    if (sigsetjmp(escape, 1) == 0) {
        in_kernel = 1;
        for (unsigned z = 0; z < grid.z; ++z)
            for (unsigned y = 0; y < grid.y; ++y)
                for (unsigned x = 0; x < grid.x; ++x) {
                    runtime.block = {x, y, z};
                    if (poisons() && shared) std::memset(runtime.shared, 0xff, shared);
                    if (kernel.cooperative) run_block_in_fibers();
                    else kernel.block(parameters);
                }
    } else outcome = escape_code;
    in_kernel = 0;
    executes = false;
    return outcome;
}

}  // namespace cudahost
