// SPDX-License-Identifier: Apache-2.0
// Disk specifications.
#include "config/devices/disk.hpp"

#include "base/text.hpp"
#include "config/devices/vdev.hpp"

#include <fmt/format.h>

namespace config {

using toolstack::fail;
using toolstack::Result;
using toolstack::trim;

namespace {

constexpr std::string_view format_names[] = {"raw", "qcow", "qcow2", "qed", "vhd", "vmdk", "empty"};
constexpr std::string_view backend_names[] = {"", "phy", "qdisk", "tap", "standalone"};

/// A specification while it is read: which places are already taken.
struct Reader {
    Disk disk;
    bool had_target = false, had_format = false, had_vdev = false, had_access = false;

    Result<void> format(std::string_view text) {
        had_format = true;
        if (text.empty()) return {};
        if (text == "aio") text = "raw"; // tap:aio: of old files
        for (std::size_t i = 0; i < std::size(format_names) - 1; ++i)
            if (text == format_names[i]) return disk.format = static_cast<Format>(i), Result<void>{};
        return fail(fmt::format("unknown disk format '{}'", text), "known are raw, qcow, qcow2, qed, vhd and vmdk");
    }

    Result<void> backend(std::string_view text) {
        for (std::size_t i = 1; i < std::size(backend_names); ++i)
            if (text == backend_names[i]) return disk.backend = static_cast<Backend>(i), Result<void>{};
        return fail(fmt::format("unknown backendtype '{}'", text), "known are phy, qdisk, tap and standalone");
    }

    Result<void> access(std::string_view text) {
        had_access = true;
        disk.force = text.ends_with('!');
        if (disk.force) text.remove_suffix(1);
        disk.writable = text != "r" && text != "ro";
        if (!disk.writable && !disk.force) return {};
        if (text.empty() || text == "w" || text == "rw") return {};
        return fail(fmt::format("unknown disk access '{}'", text), "use rw or w, ro or r, and w! to force");
    }

    Result<void> devtype(std::string_view text) {
        if (text != "cdrom" && text != "disk") return fail(fmt::format("unknown devtype '{}'", text));
        disk.cdrom = text == "cdrom";
        return {};
    }

    Result<void> vdev(std::string_view text) {
        had_vdev = true;
        if (text.starts_with("ioemu:")) text.remove_prefix(6); // "ioemu:hda:cdrom" of old files
        if (auto colon = text.rfind(':'); colon != std::string_view::npos) {
            TRY(devtype(text.substr(colon + 1)));
            text = text.substr(0, colon);
        }
        disk.vdev = text;
        disk.number = TRY(vdev_number(text));
        return {};
    }

    /// The prefixes of old files, each one taken off: they fix the format, so that no format place follows.
    Result<std::string_view> prefixes(std::string_view text) {
        for (;;) {
            auto colon = text.find(':');
            auto prefix = text.substr(0, colon);
            if (colon == std::string_view::npos || prefix.find('/') != std::string_view::npos) return text;
            if (prefix == "phy" || prefix == "file" || prefix == "tap" || prefix == "tap2" || prefix == "tapdisk" ||
                prefix == "aio" || prefix == "ioemu") {
                had_format = true;
            } else if (prefix == "raw" || prefix.starts_with("qcow") || prefix == "vhd" || prefix == "qed") {
                TRY(format(prefix));
            } else if (prefix == "iscsi" || prefix == "nbd" || prefix == "enbd" || prefix == "drbd") {
                disk.script = fmt::format("block-{}", prefix);
                had_format = true;
            } else {
                return text; // a target of another script, or a file with a colon in its name
            }
            text.remove_prefix(colon + 1);
            if (prefix == "phy" && !text.empty() && text[0] != '/') {
                disk.target = "/dev/"; // "phy:sda1" is /dev/sda1
                return text;
            }
        }
    }

    Result<void> positional(std::string_view text) {
        if (!had_target) {
            had_target = true;
            auto rest = TRY(prefixes(text));
            disk.target += rest;
            return {};
        }
        if (!had_format) return format(text);
        if (!had_vdev) return vdev(text);
        if (!had_access) return access(text);
        return text.empty() ? Result<void>{} : fail(fmt::format("one word too many: '{}'", text));
    }

    Result<bool> word(std::string_view text) {
        if (text == "cdrom") disk.cdrom = true;
        else if (text == "direct-io-safe") disk.direct_io_safe = true;
        else if (text == "discard" || text == "no-discard") disk.discard = text == "discard";
        else if (text == "trusted" || text == "untrusted") disk.trusted = text == "trusted";
        else return text.starts_with("colo");
        return true;
    }

    Result<void> pair(std::string_view key, std::string_view value) {
        if (key == "format") return format(value);
        if (key == "vdev") return vdev(value);
        if (key == "access") return access(value);
        if (key == "devtype") return devtype(value);
        if (key == "backendtype") return backend(value);
        if (key == "backend") return disk.backend_domain = value, Result<void>{};
        if (key == "script") return disk.script = value, Result<void>{};
        if (key == "specification") {
            if (value == "xen") return {};
            return fail(fmt::format("disk specification '{}' is not supported", value), "leave it away");
        }
        if (key.starts_with("colo")) return {};
        return fail(fmt::format("unknown key '{}' in a disk", key));
    }
};

Result<Disk> read(std::string_view text) {
    Reader reader;
    while (!text.empty()) {
        text = trim(text);
        if (text.starts_with("target=")) { // by definition the last: it takes the rest, commas and all
            reader.disk.target.clear();
            reader.had_target = true;
            reader.disk.target = text.substr(7);
            break;
        }
        auto comma = text.find(',');
        auto part = trim(text.substr(0, comma));
        auto equals = part.find('=');
        if (equals != std::string_view::npos && part.substr(0, equals).find('/') == std::string_view::npos) {
            TRY(reader.pair(trim(part.substr(0, equals)), trim(part.substr(equals + 1))));
        } else if (!TRY(reader.word(part))) {
            TRY(reader.positional(part));
        }
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    auto& disk = reader.disk;
    if (!reader.had_vdev || disk.vdev.empty()) return fail("no virtual device", "add one, such as xvda");
    if (disk.cdrom) disk.writable = disk.force = false;
    if (disk.target.empty()) {
        if (!disk.cdrom) return fail("no target", "put the path of the image or device first");
        disk.format = Format::empty;
    }
    return disk;
}

} // namespace

std::string_view name(Format format) { return format_names[static_cast<std::size_t>(format)]; }
std::string_view name(Backend backend) { return backend_names[static_cast<std::size_t>(backend)]; }

Result<Disk> parse_disk(std::string_view text) {
    auto disk = read(text);
    if (!disk) return std::unexpected(in(fmt::format("disk '{}'", text), std::move(disk).error()));
    return disk;
}

std::string print(const Disk& disk) {
    std::string out = fmt::format("vdev={}{},access={}{}", disk.vdev, disk.cdrom ? ",devtype=cdrom" : "",
                                  disk.writable ? "w" : "r", disk.force ? "!" : "");
    if (disk.format != Format::empty) out += fmt::format(",format={}", name(disk.format));
    if (disk.backend != Backend::chosen) out += fmt::format(",backendtype={}", name(disk.backend));
    if (!disk.backend_domain.empty()) out += fmt::format(",backend={}", disk.backend_domain);
    if (!disk.script.empty()) out += fmt::format(",script={}", disk.script);
    if (disk.direct_io_safe) out += ",direct-io-safe";
    if (disk.discard) out += *disk.discard ? ",discard" : ",no-discard";
    if (disk.trusted) out += *disk.trusted ? ",trusted" : ",untrusted";
    if (!disk.target.empty()) out += fmt::format(",target={}", disk.target);
    return out;
}

} // namespace config
