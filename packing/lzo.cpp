// SPDX-License-Identifier: Apache-2.0
// lzop's files and LZO1X. Written out: LZO's library is under the GPL, which the hypervisor is not. The stream is
// described in Linux's Documentation/staging/lzo.rst.
#include "packing/decoders.hpp"

#include <algorithm>
#include <cstring>
#include <zlib.h>

namespace packing {

namespace {

/// Input that is read once, front to back; beyond its end it gives zeros and says so.
class Input {
  public:
    explicit Input(View bytes) : bytes_(bytes) {}
    std::uint8_t byte() {
        if (at_ < bytes_.size()) return bytes_[at_++];
        is_short_ = true;
        return 0;
    }
    std::uint32_t big_endian(unsigned bytes) {
        std::uint32_t value = 0;
        while (bytes--) value = value << 8 | byte();
        return value;
    }
    View take(std::size_t bytes) {
        if (bytes > left()) {
            is_short_ = true;
            return {};
        }
        at_ += bytes;
        return bytes_.subspan(at_ - bytes, bytes);
    }
    [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
    [[nodiscard]] bool is_short() const { return is_short_; }

  private:
    View bytes_;
    std::size_t at_ = 0;
    bool is_short_ = false;
};

/// Output that copies from itself.
class Output {
  public:
    explicit Output(std::span<std::uint8_t> bytes) : bytes_(bytes) {}
    bool literals(Input& input, std::size_t count) {
        if (count > bytes_.size() - at_) return false;
        const View from = input.take(count);
        std::copy(from.begin(), from.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(at_));
        at_ += from.size();
        return !input.is_short();
    }
    /// Byte by byte: what is copied may be what this copy has written.
    bool repeat(std::size_t distance, std::size_t count) {
        if (distance > at_ || count > bytes_.size() - at_) return false;
        for (; count != 0; --count, ++at_) bytes_[at_] = bytes_[at_ - distance];
        return true;
    }
    [[nodiscard]] std::size_t size() const { return at_; }

  private:
    std::span<std::uint8_t> bytes_;
    std::size_t at_ = 0;
};

/// Literals that came before an instruction, as far as its meaning depends on them: 0, 1 to 3, or more.
constexpr unsigned many_literals = 4;

/// A length that did not fit into its instruction: each zero byte adds 255, the first other one itself.
std::size_t long_length(Input& input, std::size_t base) {
    while (!input.is_short()) {
        const std::uint8_t more = input.byte();
        if (more != 0) return base + more;
        base += 255;
    }
    return 0;
}

/// What an instruction copies from the output so far, and how many literals follow.
struct Match {
    std::size_t distance, length;
    unsigned literals;
};

/// The instruction that `code` begins, which is no run of literals.
Match match_of(unsigned code, unsigned before, Input& input) {
    if (code >= 64) {
        const std::size_t far = input.byte();
        const std::size_t length = code >= 128 ? 5 + (code >> 5 & 3) : 3 + (code >> 5 & 1);
        return {(far << 3) + (code >> 2 & 7) + 1, length, code & 3};
    }
    if (code < 16) {
        const std::size_t distance = (std::size_t{input.byte()} << 2) + (code >> 2);
        if (before == many_literals) return {distance + 2049, 3, code & 3};
        return {distance + 1, 2, code & 3};
    }
    const unsigned most = code >= 32 ? 31 : 7;
    const std::size_t length = 2 + ((code & most) != 0 ? code & most : long_length(input, most));
    const unsigned low = input.byte();
    const std::size_t distance = (std::size_t{input.byte()} << 6) + (low >> 2);
    if (code >= 32) return {distance + 1, length, low & 3};
    return {16384 + (std::size_t{code & 8} << 11) + distance, length, low & 3};
}

} // namespace

Unpacked unpack_lzo1x(View packed, std::span<std::uint8_t> out) {
    constexpr std::size_t end_distance = 16384;
    Input input(packed);
    Output output(out);
    unsigned before = 0; // literals that the last instruction copied
    if (!packed.empty() && packed[0] > 17) {
        const unsigned count = input.byte() - 17u;
        if (!output.literals(input, count)) return std::unexpected(Trouble::Damaged);
        before = std::min(count, many_literals);
    }
    while (!input.is_short()) {
        const unsigned code = input.byte();
        if (code < 16 && before == 0) {
            const std::size_t count = 3 + (code != 0 ? code : long_length(input, 15));
            if (!output.literals(input, count)) return std::unexpected(Trouble::Damaged);
            before = many_literals;
            continue;
        }
        const Match match = match_of(code, before, input);
        if (input.is_short()) break;
        if (code >= 16 && code < 32 && match.distance == end_distance) {
            if (input.left() != 0) break;
            return output.size();
        }
        if (!output.repeat(match.distance, match.length) || !output.literals(input, match.literals))
            return std::unexpected(Trouble::Damaged);
        before = match.literals;
    }
    return std::unexpected(Trouble::Damaged);
}

namespace {

/// Flags of lzop's header (its file format; conf.h calls them F_*).
enum Flag : std::uint32_t {
    Adler32Unpacked = 0x1,
    Adler32Packed = 0x2,
    ExtraField = 0x40,
    Crc32Unpacked = 0x100,
    Crc32Packed = 0x200,
    Filtered = 0x800
};

/// Skips the header; its flags. Nothing where it is none that is known.
std::optional<std::uint32_t> read_header(Input& input) {
    constexpr std::uint8_t magic[] = {0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'};
    constexpr std::uint32_t newer_form = 0x0940; // lzop 0.94
    if (!std::ranges::equal(input.take(sizeof magic), magic)) return std::nullopt;
    const bool is_newer = input.big_endian(2) >= newer_form;
    input.take(2 + (is_newer ? 2 : 0)); // version of the library, version that is needed
    const std::uint8_t method = input.byte();
    if (method < 1 || method > 3) return std::nullopt; // LZO1X, by three compressors
    input.take(is_newer ? 1 : 0);                      // level
    const std::uint32_t flags = input.big_endian(4);
    if (flags & Filtered) return std::nullopt;
    input.take(4 + 4 + (is_newer ? 4 : 0)); // mode, times
    input.take(input.byte());               // name
    input.take(4);                          // checksum
    if (flags & ExtraField) input.take(std::size_t{input.big_endian(4)} + 4);
    if (input.is_short()) return std::nullopt;
    return flags;
}

bool sums_are_right(std::uint32_t flags, std::uint32_t adler, std::uint32_t crc, View unpacked) {
    const auto size = static_cast<uInt>(unpacked.size());
    if ((flags & Adler32Unpacked) && adler != adler32(adler32(0, nullptr, 0), unpacked.data(), size)) return false;
    return !(flags & Crc32Unpacked) || crc == crc32(crc32(0, nullptr, 0), unpacked.data(), size);
}

} // namespace

Unpacked unpack_lzo(View packed, std::span<std::uint8_t> out) {
    Input input(packed);
    const auto flags = read_header(input);
    if (!flags) return std::unexpected(Trouble::Damaged);
    std::size_t filled = 0;
    for (;;) {
        const std::uint32_t size = input.big_endian(4);
        if (input.is_short()) return std::unexpected(Trouble::Damaged);
        if (size == 0) return filled; // the end
        const std::uint32_t packed_size = input.big_endian(4);
        const std::uint32_t adler = *flags & Adler32Unpacked ? input.big_endian(4) : 0;
        const std::uint32_t crc = *flags & Crc32Unpacked ? input.big_endian(4) : 0;
        const bool is_packed = packed_size < size;
        if (is_packed) input.take((*flags & Adler32Packed ? 4 : 0) + (*flags & Crc32Packed ? 4 : 0));
        const View data = input.take(packed_size);
        if (input.is_short() || packed_size > size) return std::unexpected(Trouble::Damaged);
        if (size > out.size() - filled) return std::unexpected(Trouble::TooLarge);
        const auto block = out.subspan(filled, size);
        if (!is_packed) std::copy(data.begin(), data.end(), block.begin());
        else if (const auto got = unpack_lzo1x(data, block); !got || *got != size)
            return std::unexpected(Trouble::Damaged);
        if (!sums_are_right(*flags, adler, crc, block)) return std::unexpected(Trouble::Damaged);
        filled += size;
    }
}

} // namespace packing
