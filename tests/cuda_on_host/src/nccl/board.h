// What the processes of a communicator have between them: a file that all of them map.
#pragma once
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

namespace cudahost {

const int MOST_RANKS = 16;

/// Bytes that one process gives to another, or to all.
struct Parcel {
    int to;
    const char *bytes;
    size_t size;
};

class Board {
  public:
    Board(std::string path, int rank, int size) : path(std::move(path)), rank(rank), size(size) {}
    ~Board();

    /// Waits until all have come. An NCCL result.
    int join(const std::atomic<bool> &aborted);

    /// Posts parcels and waits until all have posted theirs. An NCCL result; the parcels of others can be read until `taken`.
    int post(const std::vector<Parcel> &own, const std::atomic<bool> &aborted);

    /// The parcel of another process for this one, the `index`-th; null if there is none.
    const char *read(int from, size_t index, size_t *bytes) const;

    /// Says that the parcels of others have been read.
    void taken();

    /// Says that this process goes.
    void leave();

  private:
    struct Shared;
    template <typename Reached> int wait(const std::atomic<bool> &aborted, Reached reached);
    bool is_gone(int other) const;
    char *slot(int of) const;

    std::string path;
    int rank, size;
    Shared *shared = nullptr;
    std::vector<int> locks;
    unsigned long count = 0;
};

}  // namespace cudahost
