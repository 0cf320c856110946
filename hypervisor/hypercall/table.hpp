// SPDX-License-Identifier: Apache-2.0
// Tables of hypercalls: one for each kind of guest, put together at compile time from what each part contributes.
#pragma once

#include "hypercall/call.hpp"

#include <initializer_list>
#include <span>

namespace px::hypercall {

/// The handler may return Outcome::restart().
enum class Restarts : bool { Never, Maybe };

/// One call, as the part that has it contributes it. Who may call is who gets the part's rows: those of common_rows.hpp
/// are for every guest, those of x86/hypercall for every guest on x86, those of a kind for its own guests.
struct Row {
    abi::Hypercall number;
    const char* name;
    Handler handler;
    Restarts restarts = Restarts::Never;
};

/// Not for compile time: makes a table of two rows with one number an error.
void two_rows_have_one_number();

/// The table of a kind that gets these parts' rows.
consteval Table make_table(std::initializer_list<std::span<const Row>> parts) {
    Table table;
    for (const std::span<const Row> rows : parts)
        for (const Row& row : rows) {
            Entry& entry = table.entries[static_cast<u32>(row.number)];
            if (entry.handler) two_rows_have_one_number();
            entry = {row.handler, row.name, row.restarts == Restarts::Maybe};
        }
    return table;
}

} // namespace px::hypercall
