// SPDX-License-Identifier: Apache-2.0
// What the compiler and libstdc++'s headers expect of a runtime.
#include "base/panic.hpp"

#include <cstddef>
#include <new>

// Objects are made by px::make and freed by px::destroy; a virtual destructor's deleting variant names this one.
void operator delete(void*) noexcept { px::panic_with("operator delete called: use px::destroy"); }
void operator delete(void*, std::size_t) noexcept { px::panic_with("operator delete called: use px::destroy"); }
void operator delete(void*, std::size_t, std::align_val_t) noexcept {
    px::panic_with("operator delete called: use px::destroy");
}

extern "C" void __cxa_pure_virtual() { px::panic_with("pure virtual function called"); }
/// Destructors of globals never run: the hypervisor does not end.
extern "C" int __cxa_atexit(void (*)(void*), void*, void*) { return 0; }
extern "C" int atexit(void (*)()) { return 0; }
extern "C" {
void* __dso_handle = nullptr;
}

namespace std {
// -D_GLIBCXX_ASSERTIONS: bounds checks of span, array, expected... are on in ring 0.
void __glibcxx_assert_fail(const char* file, int line, const char* function, const char* condition) noexcept {
    px::panic("assertion of the library failed: {} in {} ({}:{})", condition, function, file, line);
}
void __throw_bad_array_new_length() { px::panic_with("bad array length"); }
void __throw_out_of_range_fmt(const char* text, ...) { px::panic_with(text); }
void __throw_length_error(const char* text) { px::panic_with(text); }
void __throw_bad_function_call() { px::panic_with("bad function call"); }
} // namespace std
