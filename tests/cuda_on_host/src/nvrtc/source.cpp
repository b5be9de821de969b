#include "source.h"

#include <cctype>
#include <cstring>

namespace cudahost {
namespace {

bool word_at(const std::string &text, size_t at, const std::string &word) {
    auto part_of_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    return text.compare(at, word.size(), word) == 0 && (at == 0 || !part_of_word(text[at - 1])) &&
           (at + word.size() >= text.size() || !part_of_word(text[at + word.size()]));
}

/// The place of the bracket that closes the one at `open`, string literals left aside.
size_t closing(const std::string &text, size_t open) {
    int depth = 0;
    for (size_t i = open; i < text.size(); ++i) {
        if (text[i] == '"') {
            for (++i; i < text.size() && text[i] != '"'; ++i)
                if (text[i] == '\\') ++i;
        } else if (std::strchr("([{", text[i])) ++depth;
        else if (std::strchr(")]}", text[i]) && --depth == 0) return i;
    }
    return std::string::npos;
}

}  // namespace

std::vector<std::string> split(const std::string &text, char separator) {
    std::vector<std::string> parts(1);
    for (size_t i = 0; i < text.size(); ++i) {
        size_t end = i;
        if (std::strchr("([{", text[i])) end = closing(text, i);
        else if (text[i] == '"')
            for (++end; end < text.size() && text[end] != '"'; ++end)
                if (text[end] == '\\') ++end;
        if (end == i && text[i] == separator) parts.emplace_back();
        else parts.back() += text.substr(i, end - i + 1);
        i = end;
    }
    return parts;
}

namespace {

/// `asm("add.sat.s32 …" : "=r"(x) : "r"(y))` becomes `cudahost::ptx::add_sat_s32(x, y)`.
std::string without_assembly(const std::string &source) {
    std::string result;
    for (size_t i = 0; i < source.size();) {
        if (!word_at(source, i, "asm")) {
            result += source[i++];
            continue;
        }
        size_t open = source.find('(', i), close = closing(source, open);
        std::vector<std::string> lists = split(source.substr(open + 1, close - open - 1), ':');
        std::string name;
        for (size_t k = lists[0].find('"') + 1; k < lists[0].size(); ++k) {
            char c = lists[0][k];
            if (std::isalnum(static_cast<unsigned char>(c))) name += c;
            else if (c == '.' || c == '_') name += '_';
            else if (c == ':') {
                if (name.back() != '_') name += '_';
            } else break;
        }
        std::string call = "cudahost::ptx::" + name + "(";
        for (size_t list = 1; list < lists.size() && list < 3; ++list)
            for (const std::string &operand : split(lists[list], ',')) {
                size_t from = operand.find('(');
                if (from == std::string::npos) continue;
                if (call.back() != '(') call += ", ";
                call += operand.substr(from + 1, closing(operand, from) - from - 1);
            }
        result += call + ")";
        i = close + 1;
    }
    return result;
}

/// Has the lanes of a warp go in step around everything that they store in shared memory.
///
/// On the hardware the lanes of a warp that has not diverged do, and CubeCL's kernels with `mma.sync` rely on it: a lane writes
/// its part of the result to shared memory and reads what other lanes have written, without a barrier in between.
std::string in_step(const std::string &source) {
    std::string result;
    for (size_t begin = 0; begin < source.size();) {
        size_t end = source.find('\n', begin);
        end = end == std::string::npos ? source.size() : end + 1;
        std::string line = source.substr(begin, end - begin);
        begin = end;
        size_t name = line.find_first_not_of(' ');
        size_t bracket = line.find('[');
        // A line is a statement: `shared_memory_2[l_9] = …;`, or `_tmp_3[l_9] = …;` with a pointer made from the former.
        bool stores = name != std::string::npos && bracket != std::string::npos &&
                      (line.compare(name, 14, "shared_memory_") == 0 || line.compare(name, 5, "_tmp_") == 0) &&
                      line.compare(closing(line, bracket) + 1, 3, " = ") == 0;
        if (stores) line = "cudahost_runtime->step(); " + line.substr(0, line.rfind(';') + 1) + " cudahost_runtime->step();\n";
        result += line;
    }
    return result;
}

}  // namespace

std::string for_host(const std::string &source, std::string *error) {
    std::string text = without_assembly(source);
    if (text.find("cudahost::ptx::mma_") != std::string::npos) text = in_step(text);
    // Dynamic shared memory is an array of the block's; here it is where the driver double says.
    const std::string declaration = "uint8 dynamic_shared_mem[];";
    size_t at = text.find(declaration);
    if (at != std::string::npos) {
        size_t begin = text.rfind("extern", at);
        text.replace(begin, at + declaration.size() - begin,
                     "uint8 *const dynamic_shared_mem = cudahost_runtime->shared;");
    }
    size_t bounds = text.find("__launch_bounds__");
    if (bounds == std::string::npos) {
        *error = "no kernel with launch bounds in the source";
        return "";
    }
    size_t begin = closing(text, text.find('(', bounds)) + 1;
    while (word_at(text, text.find_first_not_of(" \n", begin), "__cluster_dims__"))
        begin = closing(text, text.find('(', begin)) + 1;
    begin = text.find_first_not_of(" \n", begin);
    std::string name = text.substr(begin, text.find_first_of(" (\n", begin) - begin);
    bool cooperative = text.find("_sync(") != std::string::npos || text.find("__sync") != std::string::npos ||
                       text.find("cudahost::ptx::") != std::string::npos;
    std::string exported = "\nextern \"C\" {\n";
    exported += "int cudahost_cooperative_" + name + " = " + (cooperative ? "1" : "0") + ";\n";
    exported += "void cudahost_thread_" + name + "(void **p) { cudahost::call(" + name + ", p); }\n";
    exported += "void cudahost_block_" + name + "(void **p) { cudahost::call_block(" + name + ", p); }\n}\n";
    return text + exported;
}

}  // namespace cudahost
