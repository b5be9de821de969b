// Failures on demand.
#pragma once

namespace cudahost {

/// `CUDAHOST_FAIL=what:N:code,…`: the N-th call of `what` (a function's name, or `kernel`) returns `code`.
int injected(const char *what);

}  // namespace cudahost
