// SPDX-License-Identifier: Apache-2.0
// create, config-update, destroy and dump-core.
#include "domain/create.hpp"
#include "base/text.hpp"
#include "base/timing.hpp"
#include "config/load.hpp"
#include "config/parse.hpp"
#include "core/core_dump.hpp"
#include "domain/config_json.hpp"
#include "domain/destroy.hpp"
#include "domain/domains.hpp"
#include "domain/host_settings.hpp"
#include "domain/life/remains.hpp"
#include "domain/life/restart.hpp"
#include "domain/life/watcher.hpp"
#include "domain/stored_config.hpp"
#include "image/bytes.hpp"
#include "xl/life.hpp"

#include <sys/random.h>
#include <unistd.h>

namespace xl {
namespace {

/// The path given, or the one in /etc/xen when only that exists.
std::string config_path(const std::string& given) {
    auto in_etc = "/etc/xen/" + given;
    bool bare = given.find('/') == std::string::npos;
    return bare && access(given.c_str(), F_OK) != 0 && access(in_etc.c_str(), F_OK) == 0 ? in_etc : given;
}

Result<std::string> read_text(const std::string& path) {
    if (path == "/dev/null") return ""; // no file: all is on the command line
    auto file = TRY(image::File::open("configuration", path));
    auto view = file.view();
    return std::string(reinterpret_cast<const char*>(view.data()), view.size());
}

/// File and overrides.
struct Source {
    std::string path, text;
    std::vector<std::string> overrides;
};

/// What the words name, without opening it. A word that is neither the file nor KEY=VALUE is a usage error.
Result<Source> named(const Words& words) {
    Source source;
    std::size_t first = 0;
    if (auto file = words.value('f')) source.path = config_path(*file);
    else if (!words.words.empty() && words.words[0].find('=') == std::string::npos)
        source.path = config_path(words.words[first++]);
    for (; first < words.words.size(); ++first) {
        if (words.words[first].find('=') == std::string::npos)
            return fail(fmt::format("'{}' is not KEY=VALUE", words.words[first]),
                        "only one configuration file can be given");
        source.overrides.push_back(words.words[first]);
    }
    return source;
}

/// Both as settings, each key once, which is what restarts use.
Result<std::vector<config::Setting>> merged(const Source& source) {
    auto settings = TRY(config::parse(source.text, source.path));
    for (auto& item : source.overrides)
        for (auto& setting : TRY(config::parse(item, "command line", true))) settings.push_back(setting);
    return config::merge(std::move(settings), source.path);
}

void warn(const config::DomainConfig& config) {
    for (auto& warning : config.warnings) note("warning: {}", warning);
}

/// Shows what would be made, in libxl's form.
Result<int> show_plan(Context& context, config::DomainConfig config) {
    TRY(domain::resolve_affinity(context.session, config));
    std::array<std::uint8_t, 16> random{};
    if (getrandom(random.data(), random.size(), 0) < 0) return fail("no random numbers for a UUID");
    out("{}", domain::planned_json(config, config.uuid.value_or(config::make_uuid(random))));
    return exit_good;
}

/// Makes the domain, and is its console as far as that is asked for.
Result<void> make(Context& context, const Words& words, config::DomainConfig config, const Source& source, bool claim) {
    int terminal = -1;
    Result<int> opened = -1;
    domain::CreateOptions options;
    options.paused = words.has('p');
    options.claim = claim;
    options.masks = !words.has('\1');
    options.watched = !words.has('e') && !words.has('F');
    options.settings = TRY(merged(source));
    if (context.verbose) options.progress = [](std::string_view step) { note("xl: {}", step); };
    if (words.has('c')) options.show_bootloader = [](int tty) { (void)talk(tty); };
    if (words.has('c'))
        options.before_start = [&](DomId id) { opened = open_console(context, id, 0); }; // not a line is lost
    toolstack::mark_time("read the configuration");
    auto id = TRY(domain::Creation(context.session, std::move(config), std::move(options)).run());
    if (!words.has('e') && !words.has('F')) TRY(domain::ensure_watcher());
    toolstack::mark_time("see that the watcher runs");
    if (words.has('V') || words.has('A')) {
        // The guest is there whether it can be looked at or not.
        auto viewer = start_viewer(context, id, words.has('A'), true);
        if (!viewer) note("xl: warning: {}", viewer.error().what);
    }
    if (words.has('c')) {
        terminal = TRY(std::move(opened));
        auto ended = talk(terminal);
        close(terminal);
        TRY(std::move(ended));
    }
    if (words.has('F')) TRY(domain::watch_one(context.session, id));
    return {};
}

constexpr auto no_file = "no configuration file specified";

} // namespace

Result<int> run_create(Context& context, const Words& words) {
    auto source = named(words);
    if (!source) return misuse("create", source.error());
    if (source->path.empty() && source->overrides.empty())
        return report({no_file, "xl create FILE [key=value...]"}, exit_no_config);
    if (!source->path.empty()) {
        auto text = read_text(source->path);
        if (!text) return report(text.error(), exit_not_created);
        source->text = std::move(*text);
    }
    auto origin = source->path.empty() ? "command line" : source->path;
    bool quiet = words.has('q');
    if (!quiet) note("Parsing config from {}", origin);
    auto config = TRY(config::load_text(source->text, origin, source->overrides));
    auto settings = TRY(domain::host_settings());
    domain::apply(settings, config);
    config.warnings.insert(config.warnings.end(), settings.warnings.begin(), settings.warnings.end());
    if (!quiet) warn(config);
    if (words.has('n') || context.dry_run) return show_plan(context, std::move(config));
    auto made = make(context, words, std::move(config), *source, settings.claim);
    return made ? exit_good : report(made.error(), exit_not_created);
}

namespace {

/// Files that a guest needs and that are not there: they may come yet, so no errors.
void warn_missing(const config::DomainConfig& config) {
    for (auto& path : {config.kernel, config.ramdisk})
        if (path.starts_with('/') && access(path.c_str(), R_OK) != 0) note("warning: '{}' cannot be read", path);
    for (auto& disk : config.disks)
        if (disk.backend_domain.empty() && disk.script.empty() && disk.target.starts_with('/') &&
            access(disk.target.c_str(), F_OK) != 0)
            note("warning: disk '{}': there is no '{}'", disk.vdev, disk.target);
}

} // namespace

Result<int> run_config(Context&, const Words& words) {
    if (words.words[0] != "check")
        return misuse("config", {fmt::format("unknown word '{}'", words.words[0]), "xl config check FILE"});
    Words rest = words;
    rest.words.erase(rest.words.begin());
    auto source = named(rest);
    if (!source) return misuse("config", source.error());
    if (source->path.empty() && source->overrides.empty()) return misuse("config", {no_file, "xl config check FILE"});
    if (!source->path.empty()) source->text = TRY(read_text(source->path));
    auto origin = source->path.empty() ? "command line" : source->path;
    auto config = TRY(config::load_text(source->text, origin, source->overrides));
    warn(config);
    warn_missing(config);
    out("{}: guest '{}' is configured well{}\n", origin, config.name,
        config.warnings.empty() ? "" : ", with the warnings above");
    return exit_good;
}

Result<int> run_config_update(Context& context, const Words& words) {
    if (words.words.empty())
        return misuse("config-update", {"xl config-update requires a domain argument", {}}, exit_bad);
    note(
        "WARNING: xl now has better capability to manage domain configuration, avoid using this command when possible");
    auto id = TRY(context.session.existing(words.words[0]));
    Words rest = words;
    rest.words.erase(rest.words.begin());
    auto source = named(rest);
    if (!source) return misuse("config-update", source.error());
    if (source->path.empty() && source->overrides.empty()) return fail(no_file, "xl config-update DOMAIN FILE");
    if (!source->path.empty()) source->text = TRY(read_text(source->path));
    auto config = TRY(config::load_text(source->text, source->path, source->overrides));
    warn(config);
    if (context.dry_run) return show_plan(context, std::move(config));
    note("setting dom{} configuration", id.value);
    TRY(domain::replace_stored_config(context.session, id, TRY(merged(*source))));
    return exit_good;
}

Result<int> run_destroy(Context& context, const Words& words) {
    auto& word = words.words[0];
    auto found = context.session.find(word);
    if (found && found->value == 0) return fail("Cannot destroy privileged domain 0.", "to stop the host: poweroff");
    auto look = [&] {
        found = context.session.find(word);
        return found ? context.session.info(*found) : Result<xen::DomainInfo>(std::unexpected(found.error()));
    };
    auto info = look();
    if (!context.dry_run) {
        // Of a guest that is there its own remains; one that is half there may be known by no name.
        bool there = info.has_value();
        auto all = there ? domain::mend_remains_of(context.session, *found) : domain::mend_remains(context.session);
        for (auto& mended : all) note("xl: {}: cleaned up", mended.what);
        if (!all.empty()) info = look();
        if (there && !info) return exit_good; // that was to end what somebody else had begun
    }
    if (context.dry_run) return info ? Result<int>(exit_good) : std::unexpected(info.error());
    // What waits to be started again would come back; also where it is being made just now, under another number.
    auto uuid = info ? config::print(domain::Listed{*info, {}}.uuid()) : std::string();
    bool called_off = domain::call_off(word);
    if (info) called_off = domain::call_off(uuid) || called_off;
    if (info) {
        // One that stops just now is not to be started again either: not by who was asked before.
        auto done = domain::destroy(context.session, *found);
        domain::call_off(uuid);
        domain::call_off(std::to_string(found->value));
        TRY(std::move(done));
        return exit_good;
    }
    if (called_off) {
        note("xl: guest '{}' was waiting to be started again: called off", word);
        return exit_good;
    }
    if (found &&
        !TRY(context.session.store())->list(domain::path_of(*found)).value_or(std::vector<std::string>{}).empty()) {
        domain::sweep_traces(context.session, *found); // somebody died while he destroyed it
        note("xl: domain {} was gone already: its remains are removed", found->value);
        return exit_good;
    }
    return std::unexpected(info.error());
}

Result<int> run_dump_core(Context& context, const Words& words) {
    auto id = TRY(context.session.existing(words.words[0]));
    if (context.dry_run) return exit_good;
    TRY(core::dump_core(*TRY(context.session.xen()), TRY(context.session.info(id)), words.words[1]));
    return exit_good;
}

Result<int> run_watchd(Context&, const Words& words) {
    if (auto word = words.value('\1')) return domain::act_logged(*word) ? exit_good : exit_bad; // told in the log
    if (words.has('F')) domain::watch_for_ever();
    TRY(domain::ensure_watcher());
    return exit_good;
}

} // namespace xl
