#include "files.h"

#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

namespace cudahost {

std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void write(const std::string &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }

bool exists(const std::string &path) { return access(path.c_str(), R_OK) == 0; }

uint64_t fnv(const std::string &text, uint64_t hash) {
    for (unsigned char byte : text) hash = (hash ^ byte) * 0x100000001b3;
    return hash;
}

bool succeeds(const std::string &command, const std::string &log) {
    return std::system((command + " > " + log + " 2>&1").c_str()) == 0;
}

Turn::Turn(const std::string &path) : file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644)) {
    if (file >= 0) flock(file, LOCK_EX);
}

Turn::~Turn() {
    if (file >= 0) close(file);
}

}  // namespace cudahost
