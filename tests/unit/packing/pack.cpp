// SPDX-License-Identifier: Apache-2.0
#include "packing/pack.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

namespace packing {

namespace {

const char* program(Packing packing) {
    switch (packing) {
    case Packing::Gzip: return "gzip -n -9 -c";
    case Packing::Bzip2: return "bzip2 -9 -c";
    case Packing::Xz: return "xz --check=crc32 --x86 --lzma2=dict=32MiB -c";
    case Packing::Lzma: return "xz --format=lzma -9 -c";
    case Packing::Lz4: return "lz4 -q -l -9 -c";
    case Packing::Zstd: return "zstd -q -22 --ultra -c";
    case Packing::Lzo: return "lzop -9 -c";
    }
    return "false";
}

} // namespace

Data pack(Packing packing, std::span<const std::uint8_t> in) {
    char name[] = "/tmp/proxenos-pack-XXXXXX";
    const int file = mkstemp(name);
    if (file < 0 || write(file, in.data(), in.size()) != static_cast<ssize_t>(in.size())) std::abort();
    close(file);
    FILE* output = popen((std::string(program(packing)) + " " + name).c_str(), "r");
    Data out;
    std::uint8_t part[65536];
    while (const std::size_t got = fread(part, 1, sizeof part, output)) out.insert(out.end(), part, part + got);
    const bool good = pclose(output) == 0 && !out.empty();
    unlink(name);
    if (!good) return {};
    // gzip's own trailer is the size.
    for (unsigned i = 0; packing != Packing::Gzip && i < 4; ++i)
        out.push_back(static_cast<std::uint8_t>(in.size() >> 8 * i));
    return out;
}

Data bzimage(std::span<const std::uint8_t> payload) {
    constexpr std::uint32_t offset = 0x100;
    Data out(0x400 + offset, 0);
    std::memcpy(&out[0x202], "HdrS", 4);
    out[0x206] = 0x0f;
    out[0x207] = 0x02;
    out[0x1f1] = 1;
    const auto length = static_cast<std::uint32_t>(payload.size());
    std::memcpy(&out[0x248], &offset, 4);
    std::memcpy(&out[0x24c], &length, 4);
    out.insert(out.end(), payload.begin(), payload.end());
    return out;
}

} // namespace packing
