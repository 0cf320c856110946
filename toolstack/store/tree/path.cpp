// SPDX-License-Identifier: Apache-2.0
// Validity of xenstore paths.
#include "store/tree/path.hpp"

#include <array>
#include <cerrno>
#include <fmt/format.h>

namespace store {

namespace {

constexpr auto legal_characters = [] {
    std::array<bool, 256> legal{};
    for (char c = 'a'; c <= 'z'; ++c) legal[static_cast<unsigned char>(c)] = true;
    for (char c = 'A'; c <= 'Z'; ++c) legal[static_cast<unsigned char>(c)] = true;
    for (char c = '0'; c <= '9'; ++c) legal[static_cast<unsigned char>(c)] = true;
    for (char c : {'-', '/', '_', '@'}) legal[static_cast<unsigned char>(c)] = true;
    return legal;
}();

/// What comes after "/local/domain/<number>/", where the path begins so: length is counted from there.
std::string_view own_part(std::string_view path) {
    constexpr std::string_view home = "/local/domain/";
    if (!path.starts_with(home)) return path;
    auto const digits_end = path.find_first_not_of("0123456789", home.size());
    if (digits_end == std::string_view::npos || digits_end == home.size() || path[digits_end] != '/') return path;
    return path.substr(digits_end + 1);
}

} // namespace

bool is_valid_path(std::string_view path, bool allow_special) {
    if (path.empty() || path.size() >= abi::xenstore_abs_path_max) return false;
    if (path.size() > abi::xenstore_rel_path_max && own_part(path).size() > abi::xenstore_rel_path_max) return false;
    if (path.front() != '/' && !(allow_special && path.front() == '@')) return false;
    if (path.back() == '/' && path.size() > 1) return false;
    char before = '\0';
    for (char const c : path) {
        if (!legal_characters[static_cast<unsigned char>(c)] || (c == '/' && before == '/')) return false;
        before = c;
    }
    return true;
}

std::string domain_path(abi::domid_t domid) { return fmt::format("/local/domain/{}", domid); }

std::expected<Path, int> Path::canonical(std::string_view given, abi::domid_t domid, bool allow_special) {
    Path path;
    path.given_ = given;
    if (given.empty()) return std::unexpected(EINVAL);
    if (given.front() != '/' && given.front() != '@') {
        if (given.size() > abi::xenstore_rel_path_max) return std::unexpected(EINVAL);
        path.composed_ = fmt::format("/local/domain/{}/{}", domid, given);
    }
    if (!is_valid_path(path.view(), allow_special)) return std::unexpected(EINVAL);
    return path;
}

} // namespace store
