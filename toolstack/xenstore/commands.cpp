// SPDX-License-Identifier: Apache-2.0
// What each xenstore command does.
#include "commands.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>

#include "list_tree.hpp"
#include "text.hpp"

using store::Client;
using store::Transaction;
using xen::Result;

namespace {

/// Prints as stock does, and asks for exit status 1; passes on a wish for another try.
std::unexpected<xen::Error> report(xen::Error const& error, std::string const& text) {
    if (error.code == EAGAIN) return xen::fail(EAGAIN, {});
    if (store::is_unreachable(error)) return std::unexpected(error); // not an answer: said as it is
    fmt::print(stderr, "{}: {}\n", program_invocation_short_name, text);
    return xen::fail(0, {});
}

Result<> read(Client& client, Transaction t, Arguments const& arguments, std::string& out) {
    for (char const* const path : arguments.operands) {
        auto const value = client.read(path, t);
        if (!value) return report(value.error(), fmt::format("couldn't read path {}", path));
        if (arguments.prefix) out += fmt::format("{}: ", path);
        if (arguments.raw) out += *value;
        else (out += escaped(*value)) += '\n';
    }
    return {};
}

Result<> write(Client& client, Transaction t, Arguments const& arguments, std::string&) {
    for (std::size_t i = 0; i < arguments.operands.size(); i += 2) {
        char const* const path = arguments.operands[i];
        std::string const text = arguments.operands[i + 1];
        auto const done = client.write(path, arguments.raw ? text : unescaped(text), t);
        if (!done) return report(done.error(), fmt::format("could not write path {}", path));
    }
    return {};
}

Result<> list(Client& client, Transaction t, Arguments const& arguments, std::string& out) {
    for (char const* const path : arguments.operands) {
        auto const names = client.list(path, t);
        if (!names) return report(names.error(), fmt::format("could not list path {}", path));
        for (auto const& name : *names)
            out += arguments.prefix ? fmt::format("{}/{}\n", path, name) : fmt::format("{}\n", name);
    }
    return {};
}

Result<> list_all(Client& client, Transaction t, Arguments const& arguments, std::string& out) {
    std::string const path = arguments.operands.empty() ? "/" : arguments.operands[0];
    if (auto const done = list_tree(client, t, path, {arguments.full_path, arguments.permissions}, out); !done)
        return report(done.error(), fmt::format("xs_directory ({}): {}", path, std::strerror(done.error().code)));
    return {};
}

/// Removes parents while they have neither children nor a value.
Result<> tidy(Client& client, Transaction t, std::string path) {
    while (true) {
        auto const slash = path.rfind('/');
        if (slash == std::string::npos || slash == 0) return {};
        path.resize(slash);
        auto const names = client.list(path, t);
        if (!names || !names->empty()) return {};
        auto const value = client.read(path, t);
        if (!value || !value->empty()) return {};
        if (auto const done = client.remove(path, t); !done)
            return report(done.error(), "could not remove path " + path);
    }
}

Result<> remove(Client& client, Transaction t, Arguments const& arguments, std::string&) {
    for (char const* const path : arguments.operands) {
        // remove() forgives what is missing; the command does not where the parent is missing too.
        auto const there = client.read(path, t);
        std::string_view const whole = path;
        auto const parent = whole.substr(0, std::max<std::size_t>(whole.rfind('/'), 1));
        if (!there && there.error().code == ENOENT && !client.read(parent, t))
            return report(there.error(), fmt::format("could not remove path {}", path));
        auto const done = client.remove(path, t);
        if (!done) return report(done.error(), fmt::format("could not remove path {}", path));
        if (arguments.tidy)
            if (auto tidied = tidy(client, t, path); !tidied) return tidied;
    }
    return {};
}

Result<> exists(Client& client, Transaction t, Arguments const& arguments, std::string&) {
    for (char const* const path : arguments.operands)
        if (auto const value = client.read(path, t); !value)
            return store::is_unreachable(value.error()) ? std::unexpected(value.error()) : xen::fail(0, {});
    return {};
}

Result<> set_all(Client& client, Transaction t, Arguments const& arguments, std::string const& path,
                 std::vector<std::string> const& modes, int direction) {
    if (auto const done = client.set_permissions(path, modes, t); !done)
        return report(done.error(), fmt::format("Error occurred setting permissions on '{}': {}", path,
                                                std::strerror(done.error().code)));
    if (arguments.upto_root && direction <= 0 && path.size() > 1)
        if (auto done =
                set_all(client, t, arguments, path.substr(0, std::max<std::size_t>(path.rfind('/'), 1)), modes, -1);
            !done)
            return done;
    if (!arguments.recursive || direction < 0) return {};
    auto const names = client.list(path, t);
    if (!names) return report(names.error(), "could not list path " + path);
    for (auto const& name : *names)
        if (auto done = set_all(client, t, arguments, (path == "/" ? "" : path) + "/" + name, modes, 1); !done)
            return done;
    return {};
}

Result<> chmod(Client& client, Transaction t, Arguments const& arguments, std::string&) {
    std::vector<std::string> modes;
    for (std::string const mode : arguments.operands.subspan(1)) {
        if (mode.empty() || std::string_view{"nrwb"}.find(mode[0]) == std::string_view::npos) {
            fmt::print(stderr, "{}: Invalid permission specification: '{}'\n", program_invocation_short_name,
                       mode.substr(0, 1));
            return xen::fail(0, {});
        }
        modes.push_back(fmt::format("{}{}", mode[0], std::strtoul(mode.c_str() + 1, nullptr, 10)));
    }
    return set_all(client, t, arguments, arguments.operands[0], modes, 0);
}

Result<> watch(Client& client, Transaction, Arguments const& arguments, std::string&) {
    for (char const* const path : arguments.operands)
        if (auto const done = client.watch(path, path); !done)
            return report(done.error(), fmt::format("Unable to add watch on {}", path));
    for (long left = arguments.events; left != 0; left -= left > 0) {
        auto const event = client.next_event(-1);
        if (!event) return report(event.error(), event.error().message());
        fmt::print("{}\n", (*event)->path);
        std::fflush(stdout);
    }
    return {};
}

Result<> control(Client& client, Transaction, Arguments const& arguments, std::string& out) {
    std::string payload;
    for (char const* const word : arguments.operands) (payload += word) += '\0';
    auto const text = client.control(payload);
    if (!text)
        return report(text.error(), fmt::format("{}: {}", arguments.operands[0], std::strerror(text.error().code)));
    if (*text == "OK") return {};
    out += *text;
    if (!out.empty() && out.back() != '\n') out += '\n';
    return {};
}

constexpr std::size_t any = SIZE_MAX;
constexpr std::array modes{
    Mode{"read", "hpsR", "[-p] [-s] [-R] key [...]", 1, any, true, read},
    Mode{"write", "hsR", "[-s] [-R] key value [...]", 2, any, true, write},
    Mode{"ls", "hfps", "[-f] [-p] [-s] [path]", 0, any, false, list_all},
    Mode{"list", "hps", "[-p] [-s] key [...]", 1, any, true, list},
    Mode{"rm", "hst", "[-s] [-t] key [...]", 1, any, true, remove},
    Mode{"exists", "hps", "[-p] [-s] key [...]", 1, any, true, exists},
    Mode{"chmod", "hurs", "[-u] [-r] [-s] key <mode [modes...]>", 1, any, true, chmod},
    Mode{"control", "+h", "<command> [<arg>...]", 1, any, false, control},
    Mode{"watch", "hn:s", "[-n NR] key", 1, any, false, watch},
};

} // namespace

Mode const* find_mode(std::string_view name) {
    auto const found = std::ranges::find(modes, name, &Mode::name);
    return found == modes.end() ? nullptr : &*found;
}
