#include "board.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "results.h"

namespace cudahost {

namespace {

/// Room for what a process posts at once. Only what is written takes space.
const size_t SLOT = 256ul << 20;
const size_t MOST_PARCELS = 64;

struct Listed {
    int to;
    size_t offset, size;
};

struct Slot {
    size_t parcels;
    Listed listed[MOST_PARCELS];
};

}  // namespace

struct Board::Shared {
    std::atomic<int> joined[MOST_RANKS], opened[MOST_RANKS], left[MOST_RANKS];
    std::atomic<unsigned long> posted[MOST_RANKS], taken[MOST_RANKS];
};

Board::~Board() {
    leave();
    if (shared) munmap(shared, sizeof(Shared) + SLOT * static_cast<size_t>(size));
    for (int lock : locks) close(lock);
}

char *Board::slot(int of) const { return reinterpret_cast<char *>(shared + 1) + SLOT * static_cast<size_t>(of); }

/// A process holds a lock on a file of its own as long as it lives; also one that nobody has waited for yet lets go of it.
bool Board::is_gone(int other) const {
    if (other == rank || !shared->joined[other]) return false;
    if (shared->left[other]) return true;
    if (static_cast<size_t>(other) >= locks.size()) return false;
    if (flock(locks[static_cast<size_t>(other)], LOCK_SH | LOCK_NB)) return false;
    flock(locks[static_cast<size_t>(other)], LOCK_UN);
    return true;
}

template <typename Reached> int Board::wait(const std::atomic<bool> &aborted, Reached reached) {
    for (long turn = 0;; ++turn) {
        bool all = true;
        for (int other = 0; other < size; ++other) all = all && reached(other);
        if (all) return NCCL_SUCCESS;
        if (aborted) return NCCL_INTERNAL_ERROR;
        if (turn < 2000) {
            std::this_thread::yield();
            continue;
        }
        if (turn % 100 == 0)
            for (int other = 0; other < size; ++other)
                if (!reached(other) && is_gone(other)) return NCCL_REMOTE_ERROR;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
}

int Board::join(const std::atomic<bool> &aborted) {
    size_t bytes = sizeof(Shared) + SLOT * static_cast<size_t>(size);
    int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, static_cast<off_t>(bytes))) return NCCL_SYSTEM_ERROR;
    void *mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return NCCL_SYSTEM_ERROR;
    shared = static_cast<Shared *>(mapped);
    auto lock_of = [&](int of) { return path + "." + std::to_string(of); };
    int own = open(lock_of(rank).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (own < 0 || flock(own, LOCK_EX | LOCK_NB)) return NCCL_SYSTEM_ERROR;
    shared->joined[rank] = 1;
    if (int code = wait(aborted, [&](int other) { return shared->joined[other] != 0; })) return code;
    for (int other = 0; other < size; ++other)
        locks.push_back(other == rank ? own : open(lock_of(other).c_str(), O_RDWR | O_CLOEXEC));
    shared->opened[rank] = 1;
    int code = wait(aborted, [&](int other) { return shared->opened[other] != 0; });
    // From here on the files need no names.
    unlink(lock_of(rank).c_str());
    if (rank == 0) unlink(path.c_str());
    return code;
}

int Board::post(const std::vector<Parcel> &own, const std::atomic<bool> &aborted) {
    // All have read what was there before.
    if (int code = wait(aborted, [&](int other) { return shared->taken[other] >= count; })) return code;
    auto *list = reinterpret_cast<Slot *>(slot(rank));
    size_t offset = sizeof(Slot);
    list->parcels = own.size();
    if (own.size() > MOST_PARCELS) return NCCL_INTERNAL_ERROR;
    for (size_t index = 0; index < own.size(); ++index) {
        if (offset + own[index].size > SLOT) return NCCL_INTERNAL_ERROR;
        list->listed[index] = {own[index].to, offset, own[index].size};
        std::memcpy(slot(rank) + offset, own[index].bytes, own[index].size);
        offset += own[index].size;
    }
    shared->posted[rank] = ++count;
    return wait(aborted, [&](int other) { return shared->posted[other] >= count; });
}

const char *Board::read(int from, size_t index, size_t *bytes) const {
    auto *list = reinterpret_cast<const Slot *>(slot(from));
    for (size_t at = 0; at < list->parcels; ++at) {
        const Listed &parcel = list->listed[at];
        if (parcel.to != rank && parcel.to >= 0) continue;
        if (index--) continue;
        *bytes = parcel.size;
        return slot(from) + parcel.offset;
    }
    return nullptr;
}

void Board::taken() { shared->taken[rank] = count; }

void Board::leave() {
    if (shared) shared->left[rank] = 1;
}

}  // namespace cudahost
