// SPDX-License-Identifier: Apache-2.0
// Journal records: what the store must know again after a restart, as bytes. docs/xenstored.md has the format.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "store/tree/mutation.hpp"

namespace store {

enum class RecordKind : std::uint8_t {
    Mutation = 1, ///< a change of the tree
    Domain = 2,   ///< a domain was introduced, or its description changed
    DomainGone = 3,
    Watch = 4, ///< of a domain (clients of the socket come back by themselves)
    Unwatch = 5,
    Transaction = 6, ///< a domain opened one
    TransactionEnd = 7,
    SpecialPermissions = 8, ///< of @introduceDomain and @releaseDomain
    RingInput = 9,          ///< requests taken from a ring, and the unfinished one
    RingOutput = 10,        ///< bytes owed to a ring
    RingReset = 11,         ///< the stream positions started anew
    Generation = 12,
    Quota = 13,
    RingInputMore = 14, ///< bytes more of the unfinished request (format 2)
};

/// Appends fields to a byte string, integers in little-endian order.
class Encoder {
  public:
    explicit Encoder(std::string& out, RecordKind kind) : out_{out} { u8(static_cast<std::uint8_t>(kind)); }
    Encoder& u8(std::uint8_t value) { return raw(&value, sizeof value); }
    Encoder& u16(std::uint16_t value) { return raw(&value, sizeof value); }
    Encoder& u32(std::uint32_t value) { return raw(&value, sizeof value); }
    Encoder& u64(std::uint64_t value) { return raw(&value, sizeof value); }
    Encoder& text(std::string_view value) {
        u32(static_cast<std::uint32_t>(value.size()));
        out_.append(value);
        return *this;
    }
    Encoder& permissions(Permissions const& list);

  private:
    Encoder& raw(void const* bytes, std::size_t size) {
        out_.append(static_cast<char const*>(bytes), size);
        return *this;
    }
    std::string& out_;
};

/// Takes fields from a byte string. After the first field that is not there, all are zero and ok() false.
class Decoder {
  public:
    explicit Decoder(std::string_view bytes) : rest_{bytes} {}
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool done() const { return !ok_ || rest_.empty(); }
    [[nodiscard]] std::uint8_t u8() { return number<std::uint8_t>(); }
    [[nodiscard]] std::uint16_t u16() { return number<std::uint16_t>(); }
    [[nodiscard]] std::uint32_t u32() { return number<std::uint32_t>(); }
    [[nodiscard]] std::uint64_t u64() { return number<std::uint64_t>(); }
    [[nodiscard]] std::string_view text();
    /// Null where the list is empty.
    [[nodiscard]] Permissions permissions();

  private:
    template <class T> T number() {
        T value{};
        if (rest_.size() < sizeof(T)) {
            ok_ = false;
            return value;
        }
        std::memcpy(&value, rest_.data(), sizeof(T));
        rest_.remove_prefix(sizeof(T));
        return value;
    }
    std::string_view rest_;
    bool ok_ = true;
};

void encode(std::string& out, Mutation const& mutation);
/// The fields after the kind.
[[nodiscard]] Mutation decode_mutation(Decoder& from);

} // namespace store
