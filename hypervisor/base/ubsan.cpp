// SPDX-License-Identifier: Apache-2.0
// UBSan builds: each finding is a line in the log, with where it is (interface: compiler-rt's ubsan handlers).
#include "base/log.hpp"

namespace px {
namespace {

struct Location {
    const char* file;
    u32 line, column;
};

/// All handlers' data begin with a location (but for one, which has it second).
void report(const char* what, const Location& at) {
    // The compiler marks a reported place by setting its column to all ones.
    Location& once = const_cast<Location&>(at);
    if (__atomic_exchange_n(&once.column, ~0u, __ATOMIC_RELAXED) == ~0u) return;
    log::error("UBSAN: {} in {}:{}", what, once.file, once.line);
}

} // namespace
} // namespace px

#define PX_UBSAN(name, text)                                                                                           \
    extern "C" void __ubsan_handle_##name(const px::Location* at) { px::report(text, *at); }                           \
    extern "C" void __ubsan_handle_##name##_abort(const px::Location* at) { px::report(text, *at); }
PX_UBSAN(add_overflow, "addition overflows")
PX_UBSAN(sub_overflow, "subtraction overflows")
PX_UBSAN(mul_overflow, "multiplication overflows")
PX_UBSAN(negate_overflow, "negation overflows")
PX_UBSAN(divrem_overflow, "division overflows")
PX_UBSAN(shift_out_of_bounds, "shift out of bounds")
PX_UBSAN(out_of_bounds, "index out of bounds")
PX_UBSAN(type_mismatch_v1, "null or misplaced object")
PX_UBSAN(pointer_overflow, "pointer arithmetic overflows")
PX_UBSAN(load_invalid_value, "value outside of its type")
PX_UBSAN(builtin_unreachable, "unreachable code reached")
PX_UBSAN(missing_return, "function ends without return")
PX_UBSAN(vla_bound_not_positive, "array size not positive")
PX_UBSAN(float_cast_overflow, "conversion overflows")
PX_UBSAN(invalid_builtin, "builtin with bad argument")
PX_UBSAN(nonnull_arg, "null argument")
PX_UBSAN(nullability_arg, "null argument")
PX_UBSAN(alignment_assumption, "misaligned")
extern "C" void __ubsan_handle_nonnull_return_v1(const void*, const px::Location* at) {
    px::report("null returned", *at);
}
extern "C" void __ubsan_handle_nonnull_return_v1_abort(const void*, const px::Location* at) {
    px::report("null returned", *at);
}
