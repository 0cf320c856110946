// SPDX-License-Identifier: Apache-2.0
// Settings checked one by one against the schema.
#include "config/check.hpp"

#include "config/parse.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

std::optional<std::int64_t> value_number(const Value& value) {
    return toolstack::to_signed(toolstack::trim(value.text), 0);
}

/// Whole MiB of a size.
std::optional<std::int64_t> value_mib(const Value& value) {
    constexpr unsigned shift = 20;
    if (auto plain = value_number(value)) return plain;
    auto bytes = toolstack::to_bytes(value.text);
    if (!bytes || *bytes & ((std::uint64_t{1} << shift) - 1)) return std::nullopt;
    return static_cast<std::int64_t>(*bytes >> shift);
}

bool is_numeric(const Key& key) { return key.type == Type::number || key.type == Type::size || key.type == Type::flag; }

/// Nothing but blanks where a number should be: stock takes the default.
bool is_blank_number(const Key& key, const Value& value) {
    return is_numeric(key) && !value.is_list() && toolstack::trim(value.text).empty();
}

std::optional<unsigned> word_index(const Key& key, std::string_view word) {
    std::optional<unsigned> found;
    unsigned index = 0;
    for_each_word(key.range, [&](std::string_view candidate) {
        if (candidate == word && !found) found = index;
        ++index;
    });
    return found;
}

Result<void> check_shape(const Key& key, const Value& value) {
    bool list_allowed = key.type == Type::list || key.type == Type::text_or_list;
    if (value.is_list()) {
        if (!list_allowed) return fail("is a list, but one value is expected");
        bool nested = key.name == "vnuma";
        for (auto& item : value.list)
            if (item.is_list() && !nested) return fail("has a list inside its list");
        return {};
    }
    if (key.type == Type::list) return fail("must be a list", fmt::format("write {} = [ '...' ]", key.name));
    return {};
}

Result<void> check_value(const Key& key, const Value& value) {
    switch (key.type) {
    case Type::number:
    case Type::size:
    case Type::flag: {
        auto low = key.type == Type::flag ? 0 : key.low, high = key.type == Type::flag ? 1 : key.high;
        auto number = key.type == Type::size ? value_mib(value) : value_number(value);
        if (!number && key.type == Type::size)
            return fail(fmt::format("must be a size, but is '{}'", value.text),
                        "write whole MiB, such as 512, or with a unit: \"512M\", \"2G\"");
        if (!number) return fail(fmt::format("must be a number, but is '{}'", value.text), "write digits alone");
        if (*number < low || *number > high)
            return fail(fmt::format("must be between {} and {}, but is {}", low, high, *number));
        return {};
    }
    case Type::choice:
        if (!word_index(key, value.text))
            return fail(fmt::format("cannot be '{}'", value.text), fmt::format("choose from: {}", key.range));
        return {};
    default: return {};
    }
}

} // namespace

Result<Checked> Checked::make(std::span<const Setting> settings, std::string_view source,
                              std::vector<std::string>& warnings) {
    Checked checked;
    checked.settings_ = settings;
    checked.source_ = source;
    for (auto& setting : settings) {
        auto key = find_key(setting.key);
        auto where = fmt::format("{}: {}", place(setting, source), setting.key);
        if (!key) {
            auto near = nearest_key(setting.key);
            warnings.push_back(fmt::format("{}: unknown key ignored{}", where,
                                           near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
            continue;
        }
        if (is_blank_number(*key, setting.value)) {
            warnings.push_back(fmt::format("{} is empty: its default is taken{}", where,
                                           key->fallback.empty() ? "" : fmt::format(", {}", key->fallback)));
            continue;
        }
        if (key->use == Use::refused) return fail(fmt::format("{}: {}", where, key->doc));
        auto good = check_shape(*key, setting.value);
        if (good && !setting.value.is_list()) good = check_value(*key, setting.value);
        if (!good) {
            auto& failure = good.error();
            return fail(fmt::format("{} {}", where, failure.what), failure.remedy);
        }
        if (key->use == Use::ignored) warnings.push_back(fmt::format("{} has no effect: {}", where, key->doc));
    }
    return checked;
}

const Setting* Checked::find(std::string_view key) const {
    for (auto& setting : settings_)
        if (setting.key == key) return &setting;
    return nullptr;
}

std::optional<std::string> Checked::text(std::string_view key) const {
    auto setting = find(key);
    if (!setting || setting->value.is_list() || setting->value.text.empty()) return std::nullopt;
    return setting->value.text;
}

std::optional<std::int64_t> Checked::number(std::string_view key) const {
    auto setting = find(key);
    auto entry = find_key(key);
    if (!setting) return std::nullopt;
    return entry && entry->type == Type::size ? value_mib(setting->value) : value_number(setting->value);
}

bool Checked::flag(std::string_view key, bool fallback) const {
    auto value = number(key);
    return value ? *value != 0 : fallback;
}

std::optional<unsigned> Checked::choice(std::string_view key) const {
    auto setting = find(key);
    auto entry = find_key(key);
    return setting && entry ? word_index(*entry, setting->value.text) : std::nullopt;
}

std::vector<std::string> Checked::items(std::string_view key) const {
    std::vector<std::string> out;
    auto setting = find(key);
    if (!setting) return out;
    if (!setting->value.is_list()) out.push_back(setting->value.text);
    for (auto& item : setting->value.list) out.push_back(item.text);
    return out;
}

bool Checked::is_list(std::string_view key) const {
    auto setting = find(key);
    return setting && setting->value.is_list();
}

std::unexpected<toolstack::Failure> Checked::error(std::string_view key, std::string message,
                                                   std::string remedy) const {
    auto setting = find(key);
    return fail(fmt::format("{}: {} {}", setting ? place(*setting, source_) : source_, key, message),
                std::move(remedy));
}

std::unexpected<toolstack::Failure> Checked::error(std::string_view key, toolstack::Failure inner) const {
    auto setting = find(key);
    return fail(fmt::format("{}: {}", setting ? place(*setting, source_) : source_, inner.what),
                std::move(inner.remedy));
}

} // namespace config
