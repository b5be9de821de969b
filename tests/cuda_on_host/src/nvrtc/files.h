// Files, and commands of the shell.
#pragma once
#include <cstdint>
#include <string>

namespace cudahost {

std::string read(const std::string &path);
void write(const std::string &path, const std::string &text);
bool exists(const std::string &path);

/// FNV-1a, 64 bits.
uint64_t fnv(const std::string &text, uint64_t hash = 0xcbf29ce484222325);

/// Runs a command of the shell; its output is in `log`.
bool succeeds(const std::string &command, const std::string &log);

/// Lets one process at a time make a file; the others find it made.
struct Turn {
    int file;
    explicit Turn(const std::string &path);
    ~Turn();
    Turn(const Turn &) = delete;
    Turn &operator=(const Turn &) = delete;
};

}  // namespace cudahost
