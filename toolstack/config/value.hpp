// SPDX-License-Identifier: Apache-2.0
// What a configuration file says before anyone knows what it means: keys with strings, numbers and lists.
#pragma once

#include <string>
#include <vector>

namespace config {

/// A value as written: an atom (quoted string or bare number, kept as text) or a list of values.
struct Value {
    enum class Kind { string, number, list };
    Kind kind = Kind::string;
    std::string text;        ///< of an atom, quotes and escapes resolved
    std::vector<Value> list; ///< of a list
    unsigned line = 0;       ///< 1-based line where it starts

    bool is_list() const { return kind == Kind::list; }
    bool operator==(const Value& other) const {
        return is_list() == other.is_list() && text == other.text && list == other.list;
    }
};

/// One `key = value` (or, with `append`, `key += value`).
struct Setting {
    std::string key;
    Value value;
    bool append = false;
    unsigned line = 0;
    bool typed = false; ///< on the command line, not in the file
};

} // namespace config
