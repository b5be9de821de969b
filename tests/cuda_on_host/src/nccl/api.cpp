// NCCL between processes of one machine, whose device memory is the host's: as much of it as spanbert calls. Communicators never
// block, whatever the configuration says: a thread does what is asked, and the stream is busy until then.
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "../driver/faults.h"
#include "../driver/log.h"
#include "../settings.h"
#include "board.h"
#include "results.h"

#define NCCL extern "C" __attribute__((visibility("default")))

// Of the stand-in for the driver.
extern "C" int cuCtxGetCurrent(void **);
extern "C" int cudahost_stream_begins(void *stream);
extern "C" int cudahost_stream_ends(void *stream);

using namespace cudahost;

namespace {

struct Receipt {
    int from;
    char *to;
    size_t size;
};

/// What is put into a stream at once.
struct Work {
    std::vector<Parcel> parcels;
    std::vector<Receipt> receipts;
    void *stream = nullptr;
};

struct Id {
    char internal[128];
};

/// `ncclConfig_t` of 2.14, the part that all versions have.
struct Config {
    size_t size;
    unsigned magic, version;
    int blocking;
};

[[noreturn]] void hang() {
    for (;;) pause();
}

}  // namespace

struct ncclComm {
    ncclComm(std::string path, int rank, int size) : board(std::move(path), rank, size), rank(rank), size(size) {}

    Board board;
    int rank, size;
    std::atomic<int> state{NCCL_IN_PROGRESS};
    std::atomic<bool> aborted{false};
    bool ends = false;
    std::deque<Work> queue;
    std::mutex mutex;
    std::condition_variable changed;
    std::thread thread;

    void run() {
        int code = injected("ncclCommInitRankConfig");
        while (code == HANGS && !aborted) usleep(1000);
        state = code ? code : board.join(aborted);
        while (state == NCCL_SUCCESS || state == NCCL_IN_PROGRESS) {
            std::unique_lock<std::mutex> lock(mutex);
            changed.wait(lock, [&] { return ends || aborted || !queue.empty(); });
            if (aborted || queue.empty()) return;
            Work work = std::move(queue.front());
            queue.pop_front();
            lock.unlock();
            code = exchange(work);
            // A kernel that has failed never ends, and its stream is never done.
            if (code) state = code;
            else cudahost_stream_ends(work.stream);
        }
    }

    int exchange(const Work &work) {
        int code = injected("nccl");
        while (code == HANGS && !aborted) usleep(1000);
        if (code) return code == HANGS ? NCCL_INTERNAL_ERROR : code;
        if ((code = board.post(work.parcels, aborted))) return code;
        size_t seen[MOST_RANKS] = {};
        for (const Receipt &receipt : work.receipts) {
            size_t bytes = 0;
            const char *from = board.read(receipt.from, seen[receipt.from]++, &bytes);
            if (!from || bytes != receipt.size) {
                complain("nccl: rank %d expects %zu bytes of rank %d and gets %zu", rank, receipt.size, receipt.from, bytes);
                return NCCL_INVALID_USAGE;
            }
            std::memcpy(receipt.to, from, bytes);
        }
        board.taken();
        return NCCL_SUCCESS;
    }

    int begin(Work work) {
        if (state != NCCL_SUCCESS) return state;
        cudahost_stream_begins(work.stream);
        std::lock_guard<std::mutex> lock(mutex);
        queue.push_back(std::move(work));
        changed.notify_all();
        return NCCL_IN_PROGRESS;
    }

    void end() {
        {
            std::lock_guard<std::mutex> lock(mutex);
            ends = true;
            changed.notify_all();
        }
        thread.join();
    }
};

namespace {

thread_local bool in_group = false;
thread_local Work grouped;
thread_local ncclComm *group_of = nullptr;

int add(ncclComm *comm, void *stream, const Parcel *parcel, const Receipt *receipt) {
    grouped.stream = stream;
    if (parcel) grouped.parcels.push_back(*parcel);
    if (receipt) grouped.receipts.push_back(*receipt);
    if (group_of && group_of != comm) return NCCL_INVALID_USAGE;
    group_of = comm;
    return NCCL_SUCCESS;
}

int finish_group() {
    Work work = std::move(grouped);
    grouped = Work();
    ncclComm *comm = group_of;
    group_of = nullptr;
    return comm ? comm->begin(std::move(work)) : static_cast<int>(NCCL_SUCCESS);
}

}  // namespace

NCCL int ncclGetVersion(int *out) {
    int major = 0, minor = 0, patch = 0;
    std::sscanf(setting("CUDAHOST_NCCL", "2.27.3"), "%d.%d.%d", &major, &minor, &patch);
    *out = major * 10000 + minor * 100 + patch;
    return NCCL_SUCCESS;
}

NCCL int ncclGetUniqueId(Id *out) {
    if (int code = injected("ncclGetUniqueId")) return code;
    std::memset(out, 0, sizeof *out);
    const char *shared = std::getenv("NCCL_COMM_ID");
    std::string name = shared ? shared : std::to_string(getpid()) + "-" + std::to_string(std::random_device()());
    for (char &c : name)
        if (c == '/') c = '-';
    std::snprintf(out->internal, sizeof out->internal, "%s/cudahost-nccl-%s", setting("TMPDIR", "/tmp"), name.c_str());
    return NCCL_SUCCESS;
}

NCCL int ncclCommInitRankConfig(ncclComm **out, int size, Id id, int rank, Config *config) {
    void *context = nullptr;
    if (cuCtxGetCurrent(&context) || !context) return NCCL_CUDA_ERROR;
    if (size < 1 || size > MOST_RANKS || rank < 0 || rank >= size) return NCCL_INVALID_ARGUMENT;
    if (!config || config->size < sizeof(Config) || config->magic != 0xcafebeef || config->version < 21400 || config->blocking != 0) {
        complain("nccl: the configuration is not one of communicators that do not block");
        return NCCL_INVALID_ARGUMENT;
    }
    auto *comm = new ncclComm(id.internal, rank, size);
    comm->thread = std::thread([comm] { comm->run(); });
    *out = comm;
    return NCCL_IN_PROGRESS;
}

NCCL int ncclCommGetAsyncError(ncclComm *comm, int *out) {
    *out = comm->state;
    return NCCL_SUCCESS;
}

NCCL int ncclGroupStart() {
    in_group = true;
    return NCCL_SUCCESS;
}

NCCL int ncclGroupEnd() {
    in_group = false;
    return finish_group();
}

NCCL int ncclSend(const void *bytes, size_t count, int type, int peer, ncclComm *comm, void *stream) {
    if (!in_group || type != 1) return NCCL_INVALID_USAGE;
    Parcel parcel{peer, static_cast<const char *>(bytes), count};
    return add(comm, stream, &parcel, nullptr);
}

NCCL int ncclRecv(void *bytes, size_t count, int type, int peer, ncclComm *comm, void *stream) {
    if (!in_group || type != 1) return NCCL_INVALID_USAGE;
    Receipt receipt{peer, static_cast<char *>(bytes), count};
    return add(comm, stream, nullptr, &receipt);
}

NCCL int ncclAllGather(const void *from, void *to, size_t count, int type, ncclComm *comm, void *stream) {
    if (in_group || type != 1) return NCCL_INVALID_USAGE;
    Parcel parcel{-1, static_cast<const char *>(from), count};
    add(comm, stream, &parcel, nullptr);
    for (int rank = 0; rank < comm->size; ++rank) {
        Receipt receipt{rank, static_cast<char *>(to) + static_cast<size_t>(rank) * count, count};
        add(comm, stream, nullptr, &receipt);
    }
    return finish_group();
}

NCCL int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, ncclComm *comm, void *stream) {
    if (in_group || type != 1) return NCCL_INVALID_USAGE;
    Parcel parcel{-1, static_cast<const char *>(from), count};
    Receipt receipt{root, static_cast<char *>(to), count};
    add(comm, stream, comm->rank == root ? &parcel : nullptr, &receipt);
    return finish_group();
}

NCCL int ncclCommFinalize(ncclComm *comm) {
    int code = injected("ncclCommFinalize");
    if (code == HANGS) comm->state = NCCL_IN_PROGRESS;
    return code && code != HANGS ? code : comm->state.load();
}

NCCL int ncclCommDestroy(ncclComm *comm) {
    comm->end();
    delete comm;
    return NCCL_SUCCESS;
}

NCCL int ncclCommAbort(ncclComm *comm) {
    if (injected("ncclCommAbort") == HANGS) hang();
    comm->aborted = true;
    comm->end();
    delete comm;
    return NCCL_SUCCESS;
}

NCCL const char *ncclGetErrorString(int code) {
    switch (code) {
        case NCCL_SUCCESS: return "no error";
        case NCCL_CUDA_ERROR: return "unhandled cuda error";
        case NCCL_SYSTEM_ERROR: return "unhandled system error";
        case NCCL_INTERNAL_ERROR: return "internal error";
        case NCCL_INVALID_ARGUMENT: return "invalid argument";
        case NCCL_INVALID_USAGE: return "invalid usage";
        case NCCL_REMOTE_ERROR: return "remote process exited or there was a network error";
        default: return "unknown result code";
    }
}

NCCL const char *ncclGetLastError(ncclComm *) { return ""; }
