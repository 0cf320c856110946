// SPDX-License-Identifier: Apache-2.0
// xl's command lines: global options, the command's name, options and words; and the texts made from the one table.
#include "xl/command.hpp"
#include "xl/doctor.hpp"

#include <gmock/gmock.h>
#include <set>

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using namespace xl;

namespace {

constexpr Option options[] = {{'l', "long", nullptr, "Long"},
                              {'c', "count", "N", "Count"},
                              {'\1', "only-long", nullptr, "No letter"},
                              {'o', "only", nullptr, "Shares a beginning with the one above"}};
constexpr Command sample = {"sample", nullptr, Effect::changes, "<Domain> [word]", "Do it", 1, 2, options};

/// Arguments as main() has them: writable, the name first, a null behind the last.
class Line {
  public:
    Line(std::initializer_list<std::string> words) : texts_(words) {
        for (auto& text : texts_) pointers_.push_back(text.data());
        pointers_.push_back(nullptr);
    }
    std::span<char*> arguments() { return std::span(pointers_).first(texts_.size()); }

  private:
    std::vector<std::string> texts_;
    std::vector<char*> pointers_;
};

Result<Words> parse(Line line) { return parse_words(sample, line.arguments()); }

std::string refusal(Line line) {
    auto words = parse_words(sample, line.arguments());
    return words ? "taken" : words.error().what;
}

const Command& named(std::string_view name) { return *find_command(name).value(); }

std::string printed(Function run, std::vector<std::string> words) {
    Context context;
    Words given;
    given.words = std::move(words);
    testing::internal::CaptureStdout();
    auto status = run(context, given);
    fflush(stdout);
    auto text = testing::internal::GetCapturedStdout();
    EXPECT_EQ(status.value_or(-1), exit_good);
    return text;
}

} // namespace

TEST(Options, StandAnywhere) {
    auto words = parse({"sample", "guest", "-l", "more", "-c", "3"}).value();
    EXPECT_THAT(words.words, ElementsAre("guest", "more"));
    EXPECT_TRUE(words.has('l'));
    EXPECT_EQ(*words.value('c'), "3");
    EXPECT_FALSE(words.has('o'));
}

TEST(Options, AllForms) {
    for (auto line : {Line{"sample", "-lc3"}, Line{"sample", "-l", "-c", "3"}, Line{"sample", "--long", "--count=3"},
                      Line{"sample", "--lo", "--co", "3"}}) {
        auto words = parse(line).value();
        EXPECT_TRUE(words.has('l'));
        EXPECT_EQ(*words.value('c'), "3");
    }
    EXPECT_TRUE(parse({"sample", "--only-long"})->has('\1'));
    EXPECT_TRUE(parse({"sample", "--only"})->has('o')); // an exact name, though another begins with it
}

TEST(Options, LastValueCountsAllAreKept) {
    auto words = parse({"sample", "-c", "1", "-c", "2"}).value();
    EXPECT_EQ(*words.value('c'), "2");
    EXPECT_THAT(words.values('c'), ElementsAre("1", "2"));
}

TEST(Options, TwoDashesEndThem) {
    auto words = parse({"sample", "--", "-l", "-1"}).value();
    EXPECT_THAT(words.words, ElementsAre("-l", "-1"));
    EXPECT_FALSE(words.has('l'));
}

TEST(Options, WrongOnesAreNamed) {
    EXPECT_EQ(refusal({"sample", "-Q"}), "option `Q' not supported.");
    EXPECT_EQ(refusal({"sample", "-lQ"}), "option `Q' not supported.");
    EXPECT_EQ(refusal({"sample", "--nosuch"}), "option `--nosuch' not supported.");
    EXPECT_EQ(refusal({"sample", "guest", "--nosuch=3"}), "option `--nosuch' not supported.");
    EXPECT_EQ(refusal({"sample", "--long=3"}), "option `--long' takes no argument.");
    EXPECT_EQ(refusal({"sample", "--on"}), "option `--on' is ambiguous.");
    EXPECT_EQ(refusal({"sample", "-c"}), "option `c' requires an argument.");
    EXPECT_EQ(refusal({"sample", "--count"}), "option `--count' requires an argument.");
    EXPECT_THAT(parse({"sample", "-Q"}).error().remedy, HasSubstr("xl sample --help"));
}

TEST(Options, AreReadAnewAfterARefusal) {
    EXPECT_FALSE(parse({"sample", "-Qlc", "3"})); // ends within a group of letters
    auto words = parse({"sample", "-c", "4"}).value();
    EXPECT_EQ(*words.value('c'), "4");
    EXPECT_FALSE(words.has('l'));
}

TEST(Words, TooFewAndTooMany) {
    auto none = parse({"sample"}).value();
    EXPECT_EQ(fit_words(sample, none).error().what, "'xl sample' requires at least 1 argument.");
    auto enough = parse({"sample", "a", "b"}).value();
    EXPECT_TRUE(fit_words(sample, enough)->empty());
    auto many = parse({"sample", "a", "b", "c", "d"}).value();
    EXPECT_THAT(*fit_words(sample, many), ElementsAre("c", "d"));
    EXPECT_THAT(many.words, ElementsAre("a", "b"));
}

TEST(Globals, EndAtTheCommand) {
    Context context;
    bool help = false;
    EXPECT_EQ(parse_globals(Line{"xl", "-vvN", "-f", "list", "-t"}.arguments(), context, help).value(), 3u);
    EXPECT_EQ(context.verbose, 2);
    EXPECT_TRUE(context.dry_run && !help);
    EXPECT_EQ(parse_globals(Line{"xl", "--", "-v"}.arguments(), context, help).value(), 2u);
    EXPECT_EQ(parse_globals(Line{"xl"}.arguments(), context, help).value(), 1u);
    EXPECT_FALSE(help);
    for (auto word : {"--help", "-h", "-vh"}) {
        bool asked = false;
        EXPECT_TRUE(parse_globals(Line{"xl", word}.arguments(), context, asked));
        EXPECT_TRUE(asked) << word;
    }
    EXPECT_THAT(parse_globals(Line{"xl", "-Q", "list"}.arguments(), context, help).error().what,
                HasSubstr("unknown global option"));
}

TEST(Commands, ByPrefixAndBySpelling) {
    EXPECT_STREQ(named("li").name, "list");
    EXPECT_STREQ(named("sched-credit").name, "sched-credit"); // exact, though sched-credit2 begins with it
    EXPECT_EQ(find_command("mem").error().what, "'mem' could be one of: mem-max, mem-set");
    EXPECT_THAT(find_command("lst").error().remedy, HasSubstr("'list'"));
    EXPECT_THAT(find_command("nosuchcommand").error().what, HasSubstr("command not implemented"));
    EXPECT_THAT(find_command("vkb-list").error().remedy, HasSubstr("stock xl has it"));
}

TEST(Table, IsSound) {
    std::set<std::string> names;
    for (auto& command : commands()) {
        SCOPED_TRACE(command.name);
        EXPECT_TRUE(names.insert(command.name).second);
        EXPECT_LE(command.least, command.most);
        EXPECT_FALSE(std::string_view(command.summary).ends_with('.')); // the texts add it
        // A word that must be there is shown, and so is one that may be.
        EXPECT_EQ(command.most == 0, std::string_view(command.words).empty());
        EXPECT_TRUE(command.least == 0 || !std::string_view(command.words).starts_with('['));
        std::set<char> letters = {'h'};
        std::set<std::string> longs = {"help"};
        for (auto& option : command.options) {
            EXPECT_TRUE(letters.insert(option.letter).second) << option.letter;
            EXPECT_TRUE(!option.name || longs.insert(option.name).second) << option.name;
            EXPECT_TRUE(option.letter > ' ' || option.name);
        }
    }
}

TEST(Texts, NameEachCommandAndOption) {
    auto man = printed(run_man, {"xl"}), completion = printed(run_completion, {}), list = overview();
    auto roff = [](std::string text) {
        for (std::size_t at = 0; (at = text.find('-', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\-");
        return text;
    };
    auto of = [&](std::string_view command) { // its line of options in the completion
        auto at = completion.find(fmt::format("\n        {}) ", command));
        return at == std::string::npos ? "" : completion.substr(at, completion.find('\n', at + 1) - at);
    };
    for (auto& command : commands()) {
        SCOPED_TRACE(command.name);
        auto help = usage(command);
        EXPECT_THAT(list, HasSubstr(fmt::format("\n {}", command.name)));
        EXPECT_THAT(man, HasSubstr(fmt::format("\\fB{}\\fR", roff(command.name))));
        EXPECT_THAT(completion, HasSubstr(fmt::format(" {}", command.name)));
        EXPECT_THAT(help, HasSubstr(command.summary));
        for (auto& option : command.options) {
            if (option.letter > ' ') EXPECT_THAT(help, HasSubstr(fmt::format("\n-{}", option.letter)));
            if (option.name) EXPECT_THAT(help, HasSubstr(fmt::format("--{}", option.name)));
            if (option.name) EXPECT_THAT(of(command.name), HasSubstr(fmt::format(" --{}", option.name)));
            if (option.letter > ' ') EXPECT_THAT(of(command.name), HasSubstr(fmt::format(" -{}", option.letter)));
            if (option.name) EXPECT_THAT(man, HasSubstr(roff(fmt::format("--{}", option.name))));
            EXPECT_THAT(help, HasSubstr(option.help));
        }
    }
}

TEST(Texts, UsageLine) {
    EXPECT_THAT(usage(sample), StartsWith("Usage: xl [-vtTf] sample [options] <Domain> [word]\n"));
    EXPECT_THAT(usage(named("domid")), StartsWith("Usage: xl [-vtT] domid <DomainName>\n"));
    EXPECT_THAT(usage(named("create")), StartsWith("Usage: xl [-vtTfN] create [options] <ConfigFile> [vars]\n"));
}
