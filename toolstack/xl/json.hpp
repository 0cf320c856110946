// SPDX-License-Identifier: Apache-2.0
// JSON output of listings, behind a small face so that only one file pays for compiling the library.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xl {

/// An array of flat objects, fields in the order they are added.
class Rows {
  public:
    Rows();
    ~Rows();
    /// Begins the next object.
    Rows& row();
    Rows& text(std::string_view key, std::string_view value);
    Rows& number(std::string_view key, std::int64_t value);
    Rows& real(std::string_view key, double value);
    Rows& flag(std::string_view key, bool value);
    Rows& none(std::string_view key);
    Rows& texts(std::string_view key, const std::vector<std::string>& values);
    /// The whole array, or (with `single`) its only object; ends with a newline.
    std::string print(bool single = false) const;

  private:
    struct Data;
    std::unique_ptr<Data> data_;
};

} // namespace xl
