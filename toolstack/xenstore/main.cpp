// SPDX-License-Identifier: Apache-2.0
// xenstore and xenstore-<mode>: one program, which acts by the name it is called by.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <unistd.h>

#include "commands.hpp"
#include "store/transact.hpp"

namespace {

[[noreturn]] void usage(Mode const* mode, char const* program, bool by_name) {
    if (!mode) fmt::print(stderr, "{}: Usage: {} <mode> [-h] [...]\n", program_invocation_short_name, program);
    else
        fmt::print(stderr, "{}: Usage: {} {}[-h] {}\n", program_invocation_short_name, program,
                   by_name ? std::string{} : std::string{mode->name} + " ", mode->usage);
    std::exit(1);
}

Arguments parse(Mode const& mode, int argc, char** argv, bool by_name) {
    Arguments arguments;
    std::string const letters{mode.options};
    for (int letter; (letter = ::getopt(argc, argv, letters.c_str())) != -1;) {
        switch (letter) {
        case 'h': usage(&mode, argv[0], by_name);
        case 'p': (mode.name == "ls" ? arguments.permissions : arguments.prefix) = true; break;
        case 'R': arguments.raw = true; break;
        case 'f': arguments.full_path = true; break;
        case 't': arguments.tidy = true; break;
        case 'r': arguments.recursive = true; break;
        case 'u': arguments.upto_root = true; break;
        case 'n': arguments.events = std::atol(optarg); break;
        default: break; // -s is what we do anyway; getopt() has complained of others
        }
    }
    arguments.operands = {argv + optind, static_cast<std::size_t>(argc - optind)};
    auto const count = arguments.operands.size();
    bool const uneven = mode.name == "write" && count % 2 != 0;
    if (count < mode.least || count > mode.most || uneven) usage(&mode, argv[0], by_name);
    return arguments;
}

/// Once, or in transactions until one succeeds.
xen::Result<> run(Mode const& mode, store::Client& client, Arguments const& arguments, std::string& out) {
    bool const simple = arguments.operands.size() <= (mode.name == "write" ? 2 : 1) && !arguments.tidy &&
                        !arguments.recursive && !arguments.upto_root;
    if (!mode.in_transaction || simple) return mode.run(client, store::Transaction::none, arguments, out);
    return store::transact(client, [&](store::Transaction transaction) {
        out.clear();
        return mode.run(client, transaction, arguments, out);
    });
}

} // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::string const called = program_invocation_short_name;
    bool const by_name = called.starts_with("xenstore-");
    if (!by_name && argc < 2) usage(nullptr, argv[0], false);
    std::string const name = by_name ? called.substr(9) : argv[1];
    Mode const* const mode = find_mode(name);
    if (!mode) {
        fmt::print(stderr, "{}: unknown mode {}\n\n", called, name);
        return 1;
    }
    if (!by_name) { // "xenstore ls ..." becomes "xenstore ..."
        argv[1] = argv[0];
        --argc;
        ++argv;
    }
    Arguments const arguments = parse(*mode, argc, argv, by_name);
    auto client = store::Client::open();
    if (!client) {
        fmt::print(stderr, "{}: xs_open: {}\n{}\n", called, std::strerror(client.error().code), client.error().context);
        return 1;
    }
    std::string out;
    auto const done = run(*mode, *client, arguments, out);
    std::fwrite(out.data(), 1, out.size(), stdout);
    if (done) return std::fflush(stdout) == 0 ? 0 : 1;
    if (done.error().code != 0) fmt::print(stderr, "{}: {}\n", called, done.error().message());
    return 1;
}
