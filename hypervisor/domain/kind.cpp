// SPDX-License-Identifier: Apache-2.0
// The kinds of guests that there are.
#include "domain/kind.hpp"

namespace px {

namespace {
constinit std::span<const GuestKind* const> kinds; // constant after boot
} // namespace

void set_guest_kinds(std::span<const GuestKind* const> all) { kinds = all; }

std::span<const GuestKind* const> guest_kinds() { return kinds; }

const GuestKind* kind_for(u32 flags) {
    for (const GuestKind* kind : kinds)
        if (kind->accepts(flags)) return kind;
    return nullptr;
}

} // namespace px
