#include "fibers.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <vector>

#include "kernel.h"
#include "log.h"

namespace cudahost {
namespace {

/// A thread of the block.
struct Fiber {
    void *stack_pointer;
    Dim place;
    unsigned lane, warp;
    bool done;
};

/// A meeting of the threads of a block, or of the lanes of a warp.
struct Meeting {
    unsigned living = 0, arrived = 0, generation = 0;
    int line = 0;
    bool held = false;
    void *arguments[32] = {};
};

const size_t STACK = 256 << 10;
const size_t PAGE = 4096;
const size_t MOST_THREADS = 1024;

std::vector<Fiber> fibers;
std::vector<Meeting> warps;
Meeting block;
unsigned running;
/// Switches since anything happened that a thread may have waited for.
unsigned long idle;
void *scheduler_stack_pointer;
char *stacks;
bool divergence_told;

extern "C" void cudahost_switch(void **save, void *load);
asm(R"(
.text
.globl cudahost_switch
.hidden cudahost_switch
.type cudahost_switch, @function
cudahost_switch:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
.size cudahost_switch, .-cudahost_switch
)");

void resume(unsigned index, void **save) {
    running = index;
    Fiber &fiber = fibers[index];
    runtime.thread = fiber.place;
    runtime.lane = fiber.lane;
    cudahost_switch(save, fiber.stack_pointer);
}

/// Lets the next living thread of the block run.
void yield() {
    unsigned from = running, count = static_cast<unsigned>(fibers.size()), next = from;
    do next = next + 1 == count ? 0 : next + 1;
    while (fibers[next].done);
    if (++idle > 2ul * count + 64) fail("deadlock: its threads wait for each other at different barriers");
    if (next != from) resume(next, &fibers[from].stack_pointer);
}

void arrive(Meeting &meeting, int line, const char *what) {
    idle = 0;
    if (meeting.arrived++ == 0) meeting.line = line;
    else if (meeting.line != line && !divergence_told) {
        divergence_told = true;
        complain("kernel %s: threads of a %s meet at different places (lines %d and %d of its source)",
                 kernel_now->name.c_str(), what, meeting.line, line);
    }
}

void sync_block(int line) {
    arrive(block, line, "block");
    unsigned generation = block.generation;
    while (block.generation == generation) {
        if (block.arrived == block.living) {
            block.arrived = 0;
            block.generation++;
            idle = 0;
            return;
        }
        yield();
    }
}

void **warp_meet(void *argument, int line) {
    Meeting &warp = warps[fibers[running].warp];
    arrive(warp, line, "warp");
    warp.arguments[fibers[running].lane] = argument;
    unsigned generation = warp.generation;
    while (warp.generation == generation) {
        if (warp.arrived == warp.living && !warp.held) {
            warp.held = true;
            return warp.arguments;
        }
        yield();
    }
    return nullptr;
}

void warp_release() {
    Meeting &warp = warps[fibers[running].warp];
    warp.held = false;
    warp.arrived = 0;
    warp.generation++;
    std::memset(warp.arguments, 0, sizeof warp.arguments);
    idle = 0;
}

void step() {
    idle = 0;
    yield();
}

void fiber_main() {
    kernel_now->thread(parameters_now);
    Fiber &fiber = fibers[running];
    fiber.done = true;
    warps[fiber.warp].living--;
    idle = 0;
    void *nowhere;
    if (--block.living == 0) cudahost_switch(&nowhere, scheduler_stack_pointer);
    unsigned next = running;
    do next = next + 1 == fibers.size() ? 0 : next + 1;
    while (fibers[next].done);
    resume(next, &nowhere);
    std::abort();
}

}  // namespace

void prepare_fibers(unsigned threads) {
    if (!stacks) {
        stacks = static_cast<char *>(mmap(nullptr, MOST_THREADS * STACK, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        if (stacks == MAP_FAILED) std::abort();
        // A stack that overflows is an illegal address, not a change of its neighbour's variables.
        for (size_t i = 0; i < MOST_THREADS; ++i) mprotect(stacks + i * STACK, PAGE, PROT_NONE);
        runtime.sync_block = sync_block;
        runtime.warp_meet = warp_meet;
        runtime.warp_release = warp_release;
        runtime.step = step;
    }
    fibers.resize(threads);
    warps.resize((threads + 31) / 32);
    divergence_told = false;
    idle = 0;
}

void run_block_in_fibers() {
    unsigned count = static_cast<unsigned>(fibers.size());
    block = Meeting{};
    block.living = count;
    for (Meeting &warp : warps) warp = Meeting{};
    Dim dim = runtime.block_dim;
    for (unsigned i = 0; i < count; ++i) {
        Fiber &fiber = fibers[i];
        fiber.place = {i % dim.x, i / dim.x % dim.y, i / dim.x / dim.y};
        fiber.lane = i % 32;
        fiber.warp = i / 32;
        fiber.done = false;
        warps[fiber.warp].living++;
        // What `cudahost_switch` takes from a stack: six registers, then the address to return to, aligned as if called.
        void **top = reinterpret_cast<void **>(stacks + (i + 1) * STACK) - 1;
        *--top = reinterpret_cast<void *>(fiber_main);
        for (int k = 0; k < 6; ++k) *--top = nullptr;
        fiber.stack_pointer = top;
    }
    resume(0, &scheduler_stack_pointer);
}

}  // namespace cudahost
