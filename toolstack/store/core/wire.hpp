// SPDX-License-Identifier: Apache-2.0
// The xenstore wire protocol: message framing, the strings in payloads, names of errors (io/xs_wire.h).
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "abi/xenstore.hpp"

namespace store {

using Op = abi::XenstoreOp;
using Header = abi::XsdSockmsg;
inline constexpr std::size_t payload_max = abi::xenstore_payload_max;

/// The errno's wire name; EINVAL's for one that the protocol has no name for.
[[nodiscard]] std::string_view error_name(int error);
/// The errno of a wire name; EINVAL for one we do not know.
[[nodiscard]] int error_number(std::string_view name);

/// Appends a whole message.
void append_message(std::string& out, Op type, std::uint32_t request, std::uint32_t transaction,
                    std::string_view payload);

/// Walks the NUL-ended strings of a payload.
class Strings {
  public:
    explicit Strings(std::string_view payload) : rest_{payload} {}
    /// The next string without its NUL; nothing where no NUL follows.
    [[nodiscard]] std::optional<std::string_view> next() {
        auto const end = rest_.find('\0');
        if (end == std::string_view::npos) return std::nullopt;
        auto const text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return text;
    }
    /// What follows the strings taken so far.
    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

/// A decimal number that fills the whole text; nothing if malformed or above `max`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max = UINT64_MAX);

/// What stands at the front of a byte stream.
struct Frame {
    Header header;
    std::string_view payload;
};
enum class FrameState { Incomplete, Complete, TooLong };

/// Looks for one whole message at the front of `bytes`; on Complete fills `frame`, whose payload points
/// into `bytes`.
[[nodiscard]] inline FrameState parse_frame(std::string_view bytes, Frame& frame) {
    if (bytes.size() < sizeof(Header)) return FrameState::Incomplete;
    std::memcpy(&frame.header, bytes.data(), sizeof(Header));
    if (frame.header.len > payload_max) return FrameState::TooLong;
    if (bytes.size() < sizeof(Header) + frame.header.len) return FrameState::Incomplete;
    frame.payload = bytes.substr(sizeof(Header), frame.header.len);
    return FrameState::Complete;
}

} // namespace store
