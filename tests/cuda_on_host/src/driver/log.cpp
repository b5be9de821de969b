#include "log.h"

#include <cstdarg>
#include <cstdio>

#include "../settings.h"

namespace cudahost {
namespace {

FILE *log_file() {
    static FILE *file = [] {
        const char *path = setting("CUDAHOST_LOG", "");
        return *path ? std::fopen(path, "a") : nullptr;
    }();
    return file;
}

}  // namespace

void log_line(const char *format, ...) {
    if (!log_file()) return;
    va_list arguments;
    va_start(arguments, format);
    std::vfprintf(log_file(), format, arguments);
    va_end(arguments);
    std::fflush(log_file());
}

void complain(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char text[1024];
    std::vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    std::fprintf(stderr, "cudahost: %s\n", text);
    log_line("complaint %s\n", text);
}

}  // namespace cudahost
