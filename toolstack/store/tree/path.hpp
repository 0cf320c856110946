// SPDX-License-Identifier: Apache-2.0
// Xenstore paths: which are valid, what a relative one means, walking their components.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "abi/xenstore.hpp"

namespace store {

/// True for an absolute path of legal characters, without empty components or a trailing slash, that is
/// not too long; with `allow_special` also for the names that start with '@'.
[[nodiscard]] bool is_valid_path(std::string_view path, bool allow_special = false);

/// True for @introduceDomain, @releaseDomain and their like.
[[nodiscard]] inline bool is_special(std::string_view path) { return !path.empty() && path.front() == '@'; }

/// "/local/domain/<domid>", which is what relative paths of that domain are relative to.
[[nodiscard]] std::string domain_path(abi::domid_t domid);

/// An absolute path: a view of what was given, or a composed string where that was relative.
class Path {
  public:
    /// EINVAL for what is_valid_path() refuses.
    [[nodiscard]] static std::expected<Path, int> canonical(std::string_view given, abi::domid_t domid,
                                                            bool allow_special = false);
    [[nodiscard]] std::string_view view() const { return composed_.empty() ? given_ : composed_; }

  private:
    std::string_view given_;
    std::string composed_;
};

/// The parent's path; "/" for a child of the root and for the root itself.
[[nodiscard]] inline std::string_view parent_of(std::string_view path) {
    auto const slash = path.rfind('/');
    return slash == 0 || slash == std::string_view::npos ? std::string_view{"/"} : path.substr(0, slash);
}

/// The last component; empty for the root.
[[nodiscard]] inline std::string_view name_of(std::string_view path) { return path.substr(path.rfind('/') + 1); }

/// Takes the components of an absolute path one by one.
class Components {
  public:
    explicit Components(std::string_view path) : path_{path} {}
    [[nodiscard]] bool done() const { return at_ >= path_.size(); }
    [[nodiscard]] std::string_view next() {
        auto end = path_.find('/', at_);
        if (end == std::string_view::npos) end = path_.size();
        auto const name = path_.substr(at_, end - at_);
        at_ = end + 1;
        return name;
    }
    /// The path up to and with the component that next() gave last.
    [[nodiscard]] std::string_view so_far() const { return path_.substr(0, at_ - 1); }

  private:
    std::string_view path_;
    std::size_t at_ = 1; // past the leading slash
};

} // namespace store
