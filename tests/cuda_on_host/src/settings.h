// The environment variables of both libraries: see README.md.
#pragma once
#include <cstddef>
#include <string>

namespace cudahost {

/// An environment variable; empty counts as not set.
const char *setting(const char *name, const char *otherwise);

/// The part of a comma-separated list that belongs to a device; the last part holds for all further ones.
std::string part(const std::string &list, int index);

/// "8G", "512M", "100K", "4096".
size_t bytes(const std::string &text);

/// A version as two numbers: "12.8".
struct Version {
    int major = 0, minor = 0;
};
Version version(const std::string &text);

/// How many launches are executed and how many kernels compiled; in a dry run the others do nothing. Negative: all.
long dry_after();

}  // namespace cudahost
