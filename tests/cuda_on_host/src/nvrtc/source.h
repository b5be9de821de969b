// CUDA C++ as CubeCL writes it, made into C++ for the host.
#pragma once
#include <string>
#include <vector>

namespace cudahost {

/// Splits at a separator that is in no bracket and no string literal.
std::vector<std::string> split(const std::string &text, char separator);

/// The kernel's source for the host, with the functions that the driver double looks for. Empty, with the reason in
/// `error`, if there is no kernel in it.
std::string for_host(const std::string &source, std::string *error);

}  // namespace cudahost
