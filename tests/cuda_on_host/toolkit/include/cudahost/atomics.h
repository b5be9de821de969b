// Atomic operations. All threads of a kernel run on one of the host: plain reads and writes are atomic.
#pragma once

#define CUDAHOST_ATOMIC(name, expression) \
    template <class T, class V> \
    inline T atomic##name(T *place, V given) { \
        T old = *place, value = T(given); \
        (void)value; \
        *place = expression; \
        return old; \
    }
CUDAHOST_ATOMIC(Add, old + value)
CUDAHOST_ATOMIC(Sub, old - value)
CUDAHOST_ATOMIC(Max, old > value ? old : value)
CUDAHOST_ATOMIC(Min, old < value ? old : value)
CUDAHOST_ATOMIC(And, old & value)
CUDAHOST_ATOMIC(Or, old | value)
CUDAHOST_ATOMIC(Xor, old ^ value)
CUDAHOST_ATOMIC(Exch, value)
#undef CUDAHOST_ATOMIC
template <class T, class V, class W>
inline T atomicCAS(T *place, V expected, W value) {
    T old = *place;
    if (old == T(expected)) *place = T(value);
    return old;
}
