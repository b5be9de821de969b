// What is told: to the log file, and on standard error what a program does wrong.
#pragma once

namespace cudahost {

/// A line for the file that CUDAHOST_LOG names.
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// A line on standard error and in the log.
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

}  // namespace cudahost
