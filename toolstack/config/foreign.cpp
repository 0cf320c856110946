// SPDX-License-Identifier: Apache-2.0
// What is no configuration of xl's.
#include "config/foreign.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace config {

using toolstack::Failure;

namespace {

constexpr std::string_view utf8_mark = "\xef\xbb\xbf", utf16_little = "\xff\xfe", utf16_big = "\xfe\xff";
constexpr std::uint32_t no_character = 0xffffffff;

/// Characters that look like others, or like nothing, and come along when text is copied from a page.
constexpr std::pair<std::uint32_t, std::string_view> look_alikes[] = {
    {0xa0, "a no-break space"},
    {0x202f, "a narrow no-break space"},
    {0x3000, "an ideographic space"},
    {0x200b, "a zero-width space"},
    {0x2060, "a word joiner"},
    {0xfeff, "a byte order mark"},
    {0x201c, "a typographic quote"},
    {0x201d, "a typographic quote"},
    {0x201e, "a typographic quote"},
    {0xab, "a typographic quote"},
    {0xbb, "a typographic quote"},
    {0x2018, "a typographic apostrophe"},
    {0x2019, "a typographic apostrophe"},
    {0x2013, "a dash"},
    {0x2014, "a dash"},
    {0x2212, "a minus sign"},
    {0xad, "a soft hyphen"},
    {0x2026, "an ellipsis"},
};

/// The first character of UTF-8 text, or no_character where it begins with none.
std::uint32_t decode(std::string_view text) {
    auto first = static_cast<unsigned char>(text[0]);
    unsigned more = first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (first < 0x80) return first;
    if (!more || first >= 0xf8 || text.size() <= more) return no_character;
    std::uint32_t value = first & (0x3fu >> more);
    for (unsigned i = 1; i <= more; ++i) {
        auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0) != 0x80) return no_character;
        value = value << 6 | (next & 0x3f);
    }
    return value;
}

bool begins_word(std::string_view line, std::string_view word) {
    return line.starts_with(word) && (line.size() == word.size() || line[word.size()] == ' ' ||
                                      line[word.size()] == '(' || line[word.size()] == ':');
}

/// What of Python a line has that xl's files have not, or nothing.
std::string_view python_in(std::string_view line) {
    line = toolstack::trim(line.substr(0, line.find('#')));
    for (std::string_view word : {"import", "from", "def", "print", "class", "try", "except", "return", "else", "elif"})
        if (begins_word(line, word) && line.find('=') == std::string_view::npos) return word;
    for (std::string_view word : {"if", "for", "while", "def", "with"})
        if (begins_word(line, word) && line.ends_with(':')) return word;
    auto equals = line.find('=');
    if (equals == std::string_view::npos) return {};
    auto value = toolstack::trim(line.substr(equals + 1));
    for (std::string_view word : {"True", "False", "None"})
        if (value == word) return word;
    if (value.starts_with('(') || value.starts_with('{')) return "( or {";
    bool literal = value.starts_with('"') || value.starts_with('\'') || value.starts_with('[');
    if (!literal && value.find('(') != std::string_view::npos) return "a call";
    for (std::string_view mark : {"\" %", "' %", "\" +", "' +", "r\"", "r'", "u'", "u\"", "\"\"\"", "'''"})
        if (mark.size() == 2 ? value.starts_with(mark) : value.find(mark) != std::string_view::npos)
            return "an expression";
    return {};
}

std::optional<Failure> recognise_python(std::string_view text, std::string_view source) {
    std::vector<std::string> places;
    std::string_view first;
    bool values_only = true;
    unsigned number = 0, line_of_first = 0;
    for (auto line : toolstack::split(text, '\n')) {
        ++number;
        auto found = python_in(line);
        if (found.empty()) continue;
        if (places.empty()) {
            first = found;
            line_of_first = number;
        }
        values_only = values_only && (found == "True" || found == "False" || found == "None");
        places.push_back(std::to_string(number));
    }
    if (places.empty()) return std::nullopt;
    std::string more;
    for (std::size_t i = 1; i < places.size(); ++i) more += (i == 1 ? " (also in line " : ", ") + places[i];
    return Failure{
        fmt::format("{}:{}: this is Python: {}{}{}", source, line_of_first, first, more, more.empty() ? "" : ")"),
        values_only ? "write 1 for True, 0 for False, and leave None away"
                    : "xl reads settings only, KEY = VALUE: run the Python and write down what it gives"};
}

/// The line of the first thing in a text that is neither blank nor a comment.
unsigned first_line(std::string_view text) {
    unsigned number = 1;
    for (auto line : toolstack::split(text, '\n')) {
        auto trimmed = toolstack::trim(line);
        if (!trimmed.empty() && trimmed[0] != '#') return number;
        ++number;
    }
    return 1;
}

} // namespace

std::string name_character(std::string_view text) {
    auto first = static_cast<unsigned char>(text[0]);
    if (first >= 0x20 && first < 0x7f) return fmt::format("'{}'", text[0]);
    auto value = decode(text);
    if (value == no_character) return fmt::format("the byte 0x{:02x}, which is no UTF-8", first);
    for (auto& [number, called] : look_alikes)
        if (number == value) return fmt::format("{} (U+{:04X})", called, value);
    return fmt::format("the character U+{:04X}", value);
}

std::optional<Failure> recognise(std::string_view text, std::string_view source) {
    if (text.starts_with(utf16_little) || text.starts_with(utf16_big))
        return Failure{fmt::format("{}:1: this is UTF-16", source),
                       fmt::format("convert it: iconv -f UTF-16 -t UTF-8 {0} > {0}.new", source)};
    if (text.starts_with(utf8_mark))
        return Failure{fmt::format("{}:1: it begins with a byte order mark (U+FEFF)", source),
                       fmt::format("take it away: sed -i '1s/^\\xef\\xbb\\xbf//' {}", source)};
    if (text.find('\0') != std::string_view::npos)
        return Failure{fmt::format("{}: not a configuration: it holds zero bytes", source),
                       "is it an image, or a core file?"};
    auto line = first_line(text);
    auto lines = toolstack::split(text, '\n');
    auto head = line <= lines.size() ? toolstack::trim(lines[line - 1]) : std::string_view();
    auto place = fmt::format("{}:{}", source, line);
    if (head.starts_with('<'))
        return Failure{place + ": this is XML, as libvirt has it",
                       "convert it: virsh domxml-to-native xen-xl --xml FILE"};
    if (head.starts_with('('))
        return Failure{place + ": this is an S-expression, as xend kept it",
                       "write its values as KEY = VALUE: xl man xl.cfg; docs/cookbook.md shows whole guests"};
    if (head.starts_with('{'))
        return Failure{place + ": this is JSON, as xl list -l and xl create -n print it",
                       "write its values as KEY = VALUE: xl man xl.cfg"};
    if (head.starts_with("#!")) return std::nullopt;
    return recognise_python(text, source);
}

} // namespace config
