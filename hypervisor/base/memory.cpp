// SPDX-License-Identifier: Apache-2.0
// The memory functions that the compiler calls by name. String instructions are fast on all CPUs of the last decade.
#include <cstddef>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t bytes) {
    void* d = to;
    std::size_t n = bytes / 8;
    asm volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    n = bytes % 8;
    asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n)::"memory");
    return to;
}

void* memmove(void* to, const void* from, std::size_t bytes) {
    if (static_cast<char*>(to) - static_cast<const char*>(from) >= 0 &&
        static_cast<std::size_t>(static_cast<char*>(to) - static_cast<const char*>(from)) < bytes) {
        void* d = static_cast<char*>(to) + bytes - 1;
        const void* s = static_cast<const char*>(from) + bytes - 1;
        asm volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(bytes)::"memory");
        return to;
    }
    return memcpy(to, from, bytes);
}

void* memset(void* to, int value, std::size_t bytes) {
    void* d = to;
    std::size_t n = bytes / 8;
    const unsigned long pattern = (value & 0xff) * 0x0101010101010101ul;
    asm volatile("rep stosq" : "+D"(d), "+c"(n) : "a"(pattern) : "memory");
    n = bytes % 8;
    asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void* a, const void* b, std::size_t bytes) {
    const auto* x = static_cast<const unsigned char*>(a);
    const auto* y = static_cast<const unsigned char*>(b);
    for (std::size_t i = 0; i < bytes; ++i)
        if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
    return 0;
}

// string_view and friends
std::size_t strlen(const char* s) {
    std::size_t n = 0;
    while (s[n]) ++n;
    return n;
}

void* memchr(const void* memory, int value, std::size_t bytes) {
    const auto* p = static_cast<const unsigned char*>(memory);
    for (std::size_t i = 0; i < bytes; ++i)
        if (p[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(p + i);
    return nullptr;
}

} // extern "C"
