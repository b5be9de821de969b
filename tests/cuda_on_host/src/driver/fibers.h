// The threads of a block as fibers, which are switched where they wait for each other.
#pragma once

namespace cudahost {

/// Makes room for blocks of so many threads, and lets the running kernel meet by way of these fibers.
void prepare_fibers(unsigned threads);

/// Runs all threads of the running kernel's current block.
void run_block_in_fibers();

}  // namespace cudahost
