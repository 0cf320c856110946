// SPDX-License-Identifier: Apache-2.0
// The table of guest configuration keys and look-ups in it.
#include "config/schema.hpp"

#include "base/text.hpp"

#include <array>

namespace config {
namespace {

constexpr std::string_view actions =
    "destroy,restart,rename-restart,preserve,coredump-destroy,coredump-restart,soft-reset";

constexpr Key keys[] = {
#include "config/devices/keys.inc"
#include "config/keys_general.inc"
#include "config/keys_hvm.inc"
};

constexpr bool sound() {
    for (auto& key : keys) {
        if (key.name.empty() || key.doc.empty() || key.low > key.high) return false;
        if ((key.type == Type::choice) == key.range.empty()) return false;
        for (auto& other : keys)
            if (&other != &key && other.name == key.name) return false;
    }
    return true;
}
static_assert(sound(), "a key is there twice, or lacks its doc or range");

} // namespace

std::span<const Key> schema() { return keys; }

const Key* find_key(std::string_view name) {
    for (auto& key : keys)
        if (key.name == name) return &key;
    return nullptr;
}

std::string_view nearest_key(std::string_view name) {
    std::string_view best;
    unsigned distance = name.size() <= 4 ? 2 : 3; // farther than this is another word
    auto folded = toolstack::lower(name);
    for (auto& key : keys) {
        unsigned d = toolstack::edit_distance(folded, key.name);
        if (d < distance) {
            distance = d;
            best = key.name;
        }
    }
    return best;
}

} // namespace config
