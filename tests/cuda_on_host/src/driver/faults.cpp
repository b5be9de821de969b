#include "faults.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <mutex>
#include <string>

#include "../settings.h"
#include "log.h"
#include "results.h"

namespace cudahost {
namespace {

/// With `CUDAHOST_FAIL_ONCE=FILE` only the first process that comes to it has its failures; it makes the file.
bool happened_before() {
    const char *path = setting("CUDAHOST_FAIL_ONCE", "");
    static bool ours = false;
    if (!*path || ours) return false;
    FILE *file = std::fopen(path, "wx");
    if (!file) return true;
    std::fclose(file);
    return !(ours = true);
}

}  // namespace

int injected(const char *what) {
    static std::map<std::string, long> counts;
    static const std::string list = setting("CUDAHOST_FAIL", "");
    if (list.empty()) return SUCCESS;
    static std::mutex mutex;
    std::lock_guard<std::mutex> lock(mutex);
    long count = ++counts[what];
    for (size_t begin = 0; begin < list.size();) {
        size_t end = std::min(list.find(',', begin), list.size());
        char name[64];
        long wanted;
        int code;
        std::string entry = list.substr(begin, end - begin);
        if (std::sscanf(entry.c_str(), "%63[^:]:%ld:%d", name, &wanted, &code) == 3 && what == std::string(name) &&
            count == wanted && !happened_before()) {
            complain("injected: call %ld of %s returns %d", count, what, code);
            return code;
        }
        begin = end + 1;
    }
    return SUCCESS;
}

}  // namespace cudahost
