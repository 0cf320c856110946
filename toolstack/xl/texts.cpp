// SPDX-License-Identifier: Apache-2.0
// Texts made from the two tables, commands and keys: shell completion and man pages.
#include "config/host_settings.hpp"
#include "config/schema.hpp"
#include "xl/doctor.hpp"

namespace xl {
namespace {

/// roff takes a leading dot or quote and backslashes as its own.
std::string roff(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else if (out.empty() && (c == '.' || c == '\'')) (out += "\\&") += c;
        else out += c;
    }
    return out;
}

void man_xl() {
    out(".TH XL 1 \"\" Proxenos \"Proxenos\"\n.SH NAME\nxl \\- manage guests\n.SH SYNOPSIS\n.B xl\n[\\fB\\-vfNtT\\fR] "
        "\\fIsubcommand\\fR "
        "[\\fIargs\\fR]\n.SH DESCRIPTION\nSubcommands may be cut to any unambiguous prefix. A domain is given by name "
        "or id.\n"
        ".SH \"GLOBAL OPTIONS\"\n.TP\n.B \\-v\nTell each step.\n.TP\n.B \\-N\nDry run: check everything, change "
        "nothing. Of commands whose usage shows it.\n"
        ".TP\n.B \\-f, \\-t, \\-T\nTaken for the sake of scripts; nothing here needs them.\n.SH SUBCOMMANDS\n");
    for (auto& command : commands()) {
        out(".TP\n\\fB{}\\fR {}\n{}.\n", roff(command.name), roff(command.words), roff(command.summary));
        for (auto& option : command.options) {
            std::string left = option.letter > ' ' ? fmt::format("\\-{}", option.letter) : "";
            if (option.name) left += fmt::format("{}\\-\\-{}", left.empty() ? "" : ", ", roff(option.name));
            out(".RS\n.TP\n\\fB{}\\fR{}{}\n{}\n.RE\n", left, option.value ? " " : "", option.value ? option.value : "",
                roff(option.help));
        }
    }
    out(".SH \"EXIT STATUS\"\n0 on success, 1 on a failure, 2 on a wrong command line. Of create, 3 when the "
        "configuration cannot be "
        "read or the guest cannot be made, 6 when no configuration is given.\n.SH FILES\n/etc/xen, /var/lib/xen, "
        "/var/log/xen\n"
        ".SH \"SEE ALSO\"\nxl.cfg(5), xl.conf(5)\n");
}

void man_config() {
    constexpr std::string_view types[] = {"string", "number", "0 or 1", "word", "list", "string or list"};
    out(".TH XL.CFG 5 \"\" Proxenos \"Proxenos\"\n.SH NAME\nxl.cfg \\- configuration of a guest\n.SH SYNTAX\n"
        "Lines of \\fIkey\\fR = \\fIvalue\\fR. A value is a string in single or double quotes, a number, or a list in "
        "square brackets with "
        "commas between its items (one behind the last is allowed). Numbers may stand in quotes. # begins a comment, ; "
        "ends a "
        "statement like a new line does. \\fIkey\\fR += \\fIvalue\\fR appends. A key given twice has its last "
        "value.\n.SH KEYS\n");
    for (auto& key : config::schema()) {
        out(".TP\n\\fB{}\\fR = {}\n{}", roff(key.name), types[static_cast<std::size_t>(key.type)], roff(key.doc));
        if (!key.range.empty()) out(" One of: {}.", roff(key.range));
        else if (key.type == config::Type::size) out(" In MiB, or with a unit, such as \"2G\".");
        else if (key.type == config::Type::number) out(" From {} to {}.", roff(std::to_string(key.low)), key.high);
        if (!key.fallback.empty()) out(" Default: {}.", roff(key.fallback));
        if (key.use == config::Use::pvh) out(" Of guests of type pvh.");
        if (key.use == config::Use::later) out(" Not supported yet: a warning says so.");
        out("\n");
    }
    out(".SH \"SEE ALSO\"\nxl(1)\n");
}

void man_settings() {
    out(".TH XL.CONF 5 \"\" Proxenos \"Proxenos\"\n.SH NAME\nxl.conf \\- settings of the host for xl\n.SH DESCRIPTION\n"
        "/etc/xen/xl.conf has the syntax of xl.cfg(5). Keys that it does not have keep their defaults; a key that has "
        "no effect, or that "
        "nobody knows, is named in a warning when a guest is created.\n.SH KEYS\n");
    for (auto& key : config::host_keys())
        out(".TP\n\\fB{}\\fR{}{}\n{}\n", roff(key.name), key.value.empty() ? "" : " = ", roff(key.value),
            roff(key.doc));
    out(".SH \"SEE ALSO\"\nxl(1), xl.cfg(5)\n");
}

} // namespace

Result<int> run_man(Context&, const Words& words) {
    if (words.words[0] == "xl") man_xl();
    else if (words.words[0] == "xl.cfg") man_config();
    else if (words.words[0] == "xl.conf") man_settings();
    else return fail(fmt::format("there is no man page '{}'", words.words[0]), "there are xl, xl.cfg and xl.conf");
    return exit_good;
}

Result<int> run_completion(Context&, const Words& words) {
    if (!words.words.empty() && words.words[0] != "bash")
        return fail(fmt::format("no completion for '{}'", words.words[0]), "there is one for bash");
    std::string names, domains, files, options;
    for (auto& command : commands()) {
        names += fmt::format(" {}", command.name);
        if (command.first_word == 'd') domains += fmt::format("{}{}", domains.empty() ? "" : "|", command.name);
        if (command.first_word == 'f') files += fmt::format("{}{}", files.empty() ? "" : "|", command.name);
        std::string own = "--help";
        for (auto& option : command.options) {
            if (option.letter > ' ') own += fmt::format(" -{}", option.letter);
            if (option.name) own += fmt::format(" --{}", option.name);
        }
        options += fmt::format("        {}) options='{}';;\n", command.name, own);
    }
    out("# bash completion of xl; made by: xl completion bash\n_xl() {{\n"
        "    local word=${{COMP_WORDS[COMP_CWORD]}} command=${{COMP_WORDS[1]}} options=\n"
        "    if [ \"$COMP_CWORD\" = 1 ]; then COMPREPLY=($(compgen -W '{}' -- \"$word\")); return; fi\n"
        "    case $word in -*)\n        case $command in\n{}        esac\n"
        "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return;;\n    esac\n"
        "    case $command in\n"
        "    {}) [ \"$COMP_CWORD\" = 2 ] && COMPREPLY=($(compgen -W \"$(xl list 2>/dev/null | awk 'NR > 1 {{print "
        "$1}}')\" -- \"$word\"));;\n"
        "    {}) COMPREPLY=($(compgen -f -- \"$word\") $(cd /etc/xen 2>/dev/null && compgen -f -X '!*.cfg' -- "
        "\"$word\"));;\n"
        "    help) COMPREPLY=($(compgen -W '{}' -- \"$word\"));;\n"
        "    esac\n}}\ncomplete -F _xl xl\n",
        names.substr(1), options, domains, files, names.substr(1));
    return exit_good;
}

} // namespace xl
