// SPDX-License-Identifier: Apache-2.0
// libxl's layout of JSON: four spaces, and a blank line in an empty object. Only for files that use the library.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace domain {

inline void print_json(std::string& text, const nlohmann::ordered_json& value, std::size_t depth) {
    std::string indent(depth * 4 + 4, ' '), outer(depth * 4, ' ');
    if (!value.is_structured()) {
        text += value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
        return;
    }
    bool object = value.is_object(), first = true;
    text += object ? "{\n" : "[\n";
    for (auto item = value.begin(); item != value.end(); ++item) {
        if (!first) text += ",\n";
        first = false;
        text += indent;
        if (object) text += nlohmann::ordered_json(item.key()).dump() + ": ";
        print_json(text, *item, depth + 1);
    }
    text += "\n" + outer + (object ? "}" : "]");
}

} // namespace domain
