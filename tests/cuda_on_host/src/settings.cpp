#include "settings.h"

#include <cstdio>
#include <cstdlib>

namespace cudahost {

const char *setting(const char *name, const char *otherwise) {
    const char *value = std::getenv(name);
    return value && *value ? value : otherwise;
}

std::string part(const std::string &list, int index) {
    size_t begin = 0;
    for (; index > 0; --index) {
        size_t comma = list.find(',', begin);
        if (comma == std::string::npos) break;
        begin = comma + 1;
    }
    return list.substr(begin, list.find(',', begin) - begin);
}

size_t bytes(const std::string &text) {
    char *end;
    double number = std::strtod(text.c_str(), &end);
    size_t unit = *end == 'G' ? 1ul << 30 : *end == 'M' ? 1ul << 20 : *end == 'K' ? 1ul << 10 : 1;
    return static_cast<size_t>(number * static_cast<double>(unit));
}

Version version(const std::string &text) {
    Version version;
    std::sscanf(text.c_str(), "%d.%d", &version.major, &version.minor);
    return version;
}

long dry_after() {
    static const long after = std::atol(setting("CUDAHOST_DRY_AFTER", "-1"));
    return after;
}

}  // namespace cudahost
