// SPDX-License-Identifier: Apache-2.0
// A recursive-descent parser of the xl.cfg language, with bounded nesting.
#include "config/parse.hpp"

#include "base/text.hpp"
#include "config/foreign.hpp"

#include <fmt/format.h>

namespace config {
namespace {

using toolstack::fail;
using toolstack::Result;

constexpr unsigned max_depth = 16; ///< lists within lists; vnuma needs 2

constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr int digit_value(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return 99;
}

class Parser {
  public:
    Parser(std::string_view text, std::string_view source, bool bare_words)
        : text_(text), source_(source), bare_words_(bare_words) {}

    Result<std::vector<Setting>> all() {
        std::vector<Setting> settings;
        for (;;) {
            skip(true);
            if (at_end()) return settings;
            if (peek() == ';') {
                ++at_;
                continue;
            }
            settings.push_back(TRY(setting()));
            skip(false);
            if (at_end() || peek() == ';' || peek() == '\n') continue;
            return error("expected the end of the line, found " + found());
        }
    }

  private:
    bool at_end() const { return at_ >= text_.size(); }
    char peek() const { return text_[at_]; }

    /// White space and comments; newlines too if asked.
    void skip(bool newlines) {
        for (; !at_end(); ++at_) {
            if (peek() == '#') {
                while (!at_end() && peek() != '\n') ++at_;
                if (at_end()) return;
            }
            if (peek() == '\n') {
                if (!newlines) return;
                ++line_;
            } else if (!toolstack::is_blank(peek())) {
                return;
            }
        }
    }

    std::string found() const {
        if (at_end()) return "the end of the file";
        if (peek() == '\n') return "the end of the line";
        return name_character(text_.substr(at_));
    }

    std::unexpected<toolstack::Failure> error(const std::string& message, unsigned line = 0) const {
        return fail(fmt::format("{}:{}: {}", source_, line ? line : line_, message));
    }

    Result<Setting> setting() {
        Setting result;
        result.line = line_;
        if (!is_letter(peek())) return error("expected a key, found " + found());
        auto start = at_;
        while (!at_end() && (is_letter(peek()) || is_digit(peek()) || peek() == '.')) ++at_; // dots: xl.conf
        result.key = text_.substr(start, at_ - start);
        skip(false);
        if (!at_end() && peek() == '+') {
            ++at_;
            result.append = true;
        }
        if (at_end() || peek() != '=')
            return error(fmt::format("expected '=' after '{}', found {}", result.key, found()));
        ++at_;
        skip(false);
        result.value = TRY(value(0));
        return result;
    }

    Result<Value> value(unsigned depth) {
        if (at_end()) return error("expected a value, found " + found());
        char c = peek();
        if (c == '[') return list(depth);
        if (bare_words_ && depth == 0) return bare();
        if (c == '"' || c == '\'') return string();
        if (is_digit(c)) return number();
        return error("expected a string in quotes, a number or a list, found " + found());
    }

    /// An override's value: quoted, or the rest of the statement as it stands.
    Result<Value> bare() {
        char c = peek();
        if (c == '"' || c == '\'') return string();
        Value result{.kind = Value::Kind::string, .line = line_};
        auto start = at_;
        while (!at_end() && peek() != '\n' && peek() != ';') ++at_;
        result.text = toolstack::trim(text_.substr(start, at_ - start));
        if (!result.text.empty() && toolstack::to_unsigned(result.text, 0)) result.kind = Value::Kind::number;
        return result;
    }

    Result<Value> number() {
        Value result{.kind = Value::Kind::number, .line = line_};
        auto start = at_;
        while (!at_end() && (digit_value(peek()) < 16 || peek() == 'x' || peek() == 'X')) ++at_;
        result.text = text_.substr(start, at_ - start);
        if (!at_end() && is_letter(peek()))
            return error(fmt::format("'{}{}' is not a number; put text in quotes", result.text, peek()));
        return result;
    }

    Result<Value> string() {
        Value result{.kind = Value::Kind::string, .line = line_};
        char quote = text_[at_++];
        for (;;) {
            if (at_end() || peek() == '\n') return error(fmt::format("string without its closing {}", quote));
            char c = text_[at_++];
            if (c == quote) return result;
            if (c == '\\') c = TRY(escape());
            if (c == '\0') return error("a string cannot hold a zero byte");
            result.text.push_back(c);
        }
    }

    Result<char> escape() {
        if (at_end() || peek() == '\n') return error("backslash at the end of the line in a string");
        char c = text_[at_++];
        switch (c) {
        case 'a': return '\a';
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        case 'v': return '\v';
        case '\\':
        case '\'':
        case '"':
        case '?': return c;
        case 'x': return digits(16, 2);
        default: break;
        }
        if (c >= '0' && c <= '7') {
            --at_;
            return digits(8, 3);
        }
        return error(fmt::format("'\\{}' is not an escape; write '\\\\' for a backslash", c));
    }

    Result<char> digits(int base, int most) {
        int value = 0, count = 0;
        for (; count < most && !at_end() && digit_value(peek()) < base; ++count, ++at_)
            value = value * base + digit_value(peek());
        if (count == 0 || value > 255) return error("bad number after a backslash in a string");
        return static_cast<char>(value);
    }

    Result<Value> list(unsigned depth) {
        Value result{.kind = Value::Kind::list, .line = line_};
        if (depth == max_depth) return error("lists nested too deep");
        unsigned opened = line_;
        ++at_;
        for (;;) {
            skip(true);
            if (at_end()) return error("list without its closing ]", opened);
            if (peek() == ']') break;
            result.list.push_back(TRY(value(depth + 1)));
            skip(true);
            if (at_end()) return error("list without its closing ]", opened);
            if (peek() == ',') {
                ++at_;
                continue;
            }
            if (peek() != ']') return error("expected ',' or ']' in a list, found " + found());
        }
        ++at_;
        return result;
    }

    std::string_view text_;
    std::string_view source_;
    bool bare_words_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
};

} // namespace

Result<std::vector<Setting>> parse(std::string_view text, std::string_view source, bool bare_words) {
    bool binary = text.find('\0') != std::string_view::npos; // no string could hold it anyway
    Result<std::vector<Setting>> settings = fail(fmt::format("{}: it holds zero bytes", source));
    if (!binary) settings = Parser(text, source, bare_words).all();
    if (settings || bare_words) return settings;
    auto foreign = recognise(text, source);
    return foreign ? std::unexpected(std::move(*foreign)) : std::move(settings);
}

std::string place(const Setting& setting, std::string_view source) {
    if (setting.typed) return "command line";
    return setting.line ? fmt::format("{}:{}", source, setting.line) : std::string(source);
}

Result<std::vector<Setting>> merge(std::vector<Setting> settings, std::string_view source) {
    std::vector<Setting> merged;
    for (auto& setting : settings) {
        Setting* before = nullptr;
        for (auto& other : merged)
            if (other.key == setting.key) before = &other;
        if (!before) {
            setting.append = false;
            merged.push_back(std::move(setting));
        } else if (!setting.append) {
            before->value = std::move(setting.value);
            before->line = setting.line;
            before->typed = setting.typed;
        } else if (before->value.is_list() != setting.value.is_list()) {
            return fail(fmt::format("{}: cannot append {} to '{}', which is {}", place(setting, source),
                                    setting.value.is_list() ? "a list" : "a string", setting.key,
                                    before->value.is_list() ? "a list" : "a string"));
        } else if (setting.value.is_list()) {
            for (auto& item : setting.value.list) before->value.list.push_back(std::move(item));
        } else {
            before->value.text += setting.value.text;
            before->value.kind = Value::Kind::string;
        }
    }
    return merged;
}

std::string print(const Value& value) {
    if (value.is_list()) {
        std::string out = "[ ";
        for (auto& item : value.list) out += print(item) + ", ";
        return out + "]";
    }
    if (value.kind == Value::Kind::number) return value.text;
    std::string out = "\"";
    for (char c : value.text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') (out += '\\') += c;
        else if (byte < 0x20 || byte == 0x7f) out += fmt::format("\\x{:02x}", byte);
        else out += c;
    }
    return out + "\"";
}

} // namespace config
