// SPDX-License-Identifier: Apache-2.0
// Fuzzes the configuration language: no crash, and what is parsed prints and parses back to the same.
#include "config/load.hpp"
#include "config/parse.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (bool bare : {false, true}) {
        auto settings = config::parse(text, "fuzz", bare);
        if (!settings) continue;
        for (auto& setting : *settings) {
            auto again = config::parse(setting.key + " = " + config::print(setting.value), "fuzz");
            if (!again || again->size() != 1 || !(again->front().value == setting.value)) std::abort();
        }
    }
    (void)config::load_text(text, "fuzz");
    return 0;
}
