// SPDX-License-Identifier: Apache-2.0
// The page-type rules, written down a second time and simply: what the counts must be, and what must succeed.
#pragma once

#include "paging/fake_paging.hpp"

#include <map>
#include <vector>

namespace px::model {

/// References that somebody outside of page tables holds.
struct Roots {
    std::map<u64, unsigned> pins;     ///< frame to level
    std::vector<u64> writable, plain; ///< one per reference
};

/// What a frame is used as, and how often.
struct Use {
    FrameType type = FrameType::None;
    u64 typed = 0, plain = 0;
};
using Uses = std::map<u64, Use>;

/// Counts all references there are: roots, vCPUs, entries of tables. Adds failures of the test where a table breaks a
/// rule.
Uses count_uses(fake::Guest& guest, const Roots& roots, const std::vector<Frame*>& frames);
/// Compares with the state words.
void check(fake::Guest& guest, const Roots& roots, const std::vector<Frame*>& frames);

/// Would a typed reference as a table succeed? `uses` is changed to what is then; undefined if false.
bool can_be_table(const fake::Guest& guest, Uses& uses, u64 mfn, unsigned level);
/// Would writing this word succeed?
bool can_write(const fake::Guest& guest, Uses uses, u64 mfn, unsigned index, pv::PageEntry next);

} // namespace px::model
