// SPDX-License-Identifier: Apache-2.0
// Settings checked one by one against the schema, and typed access to them.
#pragma once

#include "base/failure.hpp"
#include "config/schema.hpp"
#include "config/value.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace config {

/// Settings that passed the schema. Look-ups are by key; what is not set gives nothing.
class Checked {
  public:
    /// Checks all settings; warnings are appended to `warnings`. The settings must outlive the result.
    static toolstack::Result<Checked> make(std::span<const Setting> settings, std::string_view source,
                                           std::vector<std::string>& warnings);

    bool has(std::string_view key) const { return find(key) != nullptr; }
    std::optional<std::string> text(std::string_view key) const;
    std::optional<std::int64_t> number(std::string_view key) const;
    bool flag(std::string_view key, bool fallback = false) const;
    /// Index of the word in the key's range.
    std::optional<unsigned> choice(std::string_view key) const;
    /// Items of a list; a single string gives one item.
    std::vector<std::string> items(std::string_view key) const;
    bool is_list(std::string_view key) const;
    /// A failure with "FILE:LINE: key" in front.
    std::unexpected<toolstack::Failure> error(std::string_view key, std::string message, std::string remedy = {}) const;
    std::unexpected<toolstack::Failure> error(std::string_view key, toolstack::Failure inner) const;

  private:
    const Setting* find(std::string_view key) const;
    std::span<const Setting> settings_;
    std::string source_;
};

} // namespace config
