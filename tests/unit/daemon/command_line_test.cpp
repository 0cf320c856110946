// SPDX-License-Identifier: Apache-2.0
// Command lines of the daemons: every form of an option, the texts that are asked for, and mistakes.
#include "daemon/command_line.hpp"

#include <gtest/gtest.h>
#include <initializer_list>
#include <vector>

using toolstack::DaemonOption;
using toolstack::DaemonProgram;
using toolstack::read_command_line;
using toolstack::Result;

namespace {

struct Line {
    bool quiet = false;
    std::vector<std::string> sizes;

    Result<std::string> read(std::initializer_list<char const*> words) {
        DaemonOption const options[] = {
            {'q', "quiet", nullptr, "say nothing", [&](std::string const&) { return quiet = true; }},
            {0, "size", "N", "small or large",
             [&](std::string const& value) {
                 sizes.push_back(value);
                 return value == "small" || value == "large";
             }},
            {'h', "host", "NAME", "a letter that is the help's elsewhere", [](std::string const&) { return true; }},
        };
        std::vector<std::string> text{"testd"};
        text.insert(text.end(), words.begin(), words.end());
        std::vector<char*> pointers;
        for (auto& word : text) pointers.push_back(word.data());
        pointers.push_back(nullptr);
        DaemonProgram const program{"testd", "A daemon of tests.", 'H', 'V'};
        return read_command_line(program, options, static_cast<int>(text.size()), pointers.data());
    }
};

TEST(CommandLine, TakesEveryFormOfAnOption) {
    Line line;
    auto const said = line.read({"-q", "--size", "small", "--size=large", "-h", "here"});
    ASSERT_TRUE(said) << said.error().what;
    EXPECT_EQ(*said, "");
    EXPECT_TRUE(line.quiet);
    EXPECT_EQ(line.sizes, (std::vector<std::string>{"small", "large"}));
}

TEST(CommandLine, GivesTheHelpAndTheVersion) {
    for (auto const* const word : {"-H", "--help"}) {
        auto const help = Line{}.read({word});
        ASSERT_TRUE(help);
        EXPECT_NE(help->find("A daemon of tests."), std::string::npos);
        EXPECT_NE(help->find("-q, --quiet"), std::string::npos);
        EXPECT_NE(help->find("--size=N"), std::string::npos);
    }
    for (auto const* const word : {"-V", "--version"}) EXPECT_EQ(Line{}.read({word}), "testd (Proxenos) 4.17\n");
}

TEST(CommandLine, NamesTheMistake) {
    struct {
        std::initializer_list<char const*> words;
        char const* what;
    } const cases[] = {
        {{"--colour"}, "--colour: no such option"},
        {{"-x"}, "-x: no such option"},
        {{"--quiet=1"}, "--quiet=1: no such option, or a wrong form of it"},
        {{"--size"}, "--size wants a value"},
        {{"--size", "huge"}, "--size: 'huge' is not a value it takes (small or large)"},
        {{"-q", "more"}, "more: no arguments are taken"},
    };
    for (auto const& wrong : cases) {
        auto const said = Line{}.read(wrong.words);
        ASSERT_FALSE(said) << wrong.what;
        EXPECT_NE(said.error().what.find(wrong.what), std::string::npos) << said.error().what;
        EXPECT_EQ(said.error().remedy, "testd --help lists its options");
    }
}

} // namespace
