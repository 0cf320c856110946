// SPDX-License-Identifier: Apache-2.0
// Configurations as people have them: of older tools, copied from pages, in other formats. Where stock xl goes on with
// a warning, so do we; where it refuses, we say what it is, where, and what to do.
#include "base/text.hpp"
#include "config/foreign.hpp"
#include "config/host_settings.hpp"
#include "config/load.hpp"

#include <algorithm>
#include <gtest/gtest.h>

using namespace config;

namespace {

constexpr auto minimal = "name='shop'\nkernel='/k'\nmemory=128\nvcpus=1\n";

/// The warnings of a configuration that loads.
std::vector<std::string> warnings(const std::string& text) {
    auto loaded = load_text(minimal + text, "g.cfg");
    EXPECT_TRUE(loaded) << text << (loaded ? "" : loaded.error().what);
    return loaded ? loaded->warnings : std::vector<std::string>{"not loaded"};
}

toolstack::Failure refused(const std::string& text) {
    auto loaded = load_text(text, "g.cfg");
    EXPECT_FALSE(loaded) << text;
    return loaded ? toolstack::Failure{"loaded", ""} : loaded.error();
}

} // namespace

TEST(Public, StockGoesOnAndSoDoWe) {
    struct {
        const char *text, *warning;
    } cases[] = {
        {"device_model='/opt/old/qemu-dm'", "device_model has no effect"},
        {"vif2=['x']", "vif2 has no effect"},
        {"vif=['bridge=xenbr0,slot=7']", "unknown word 'slot' ignored"},
        {"vif=['bridge=xenbr0,word']", "'word' is not KEY=VALUE: ignored"},
        {"vif=['model=e1000']", "model has no effect"},
        {"vif=['forwarddev=eth1']", "forwarddev has no effect"},
        {"vif=['accel=sfc']", "accel has no effect"},
        {"type='pvh'\nioports=['2f8-2ff']\nirqs=[3]", "ioports is for guests of type pv"},
        {"memory=' '", "memory is empty: its default is taken, 32"},
    };
    for (auto& [text, warning] : cases) {
        auto all = warnings(text);
        EXPECT_TRUE(std::ranges::any_of(all, [&](auto& each) { return each.find(warning) != std::string::npos; }))
            << text << ": " << (all.empty() ? "no warning" : all[0]);
    }
}

TEST(Public, WhatAsksForNothingMakesNoNoise) {
    for (auto text : {"vnc=0", "sdl='0'", "acpi=1", "pae=1", "boot='cda'", "usb=0", "viridian=0", "stdvga=0", "pci=[]",
                      "vncpasswd=''", "serial=''", "on_soft_reset='restart'", "hap=1", "nestedhvm=0", "opengl=0"})
        EXPECT_TRUE(warnings(text).empty()) << text << ": " << warnings(text)[0];
    EXPECT_EQ(warnings("vnc=1").size(), 1u);
    EXPECT_EQ(warnings("usbdevice='tablet'").size(), 1u);
}

TEST(Public, OldDiskPrefixes) {
    for (auto text : {"file:/srv/shop.img,ioemu:hda,w", "phy:/dev/vg/x,ioemu:xvda,r", "file:/x,ioemu:hdc:cdrom,r"}) {
        auto loaded = load_text(std::string(minimal) + "disk=['" + text + "']", "g.cfg");
        ASSERT_TRUE(loaded) << text << loaded.error().what;
        EXPECT_EQ(loaded->disks[0].cdrom, std::string(text).ends_with(":cdrom,r"));
    }
}

TEST(Public, WordsOfTheBootLoader) {
    auto words = [](const std::string& text) { return load_text(minimal + text, "g.cfg").value().bootloader_args; };
    using Words = std::vector<std::string>;
    EXPECT_EQ(words("bootloader_args='--kernel=/boot/k  --ramdisk=/boot/r '"),
              (Words{"--kernel=/boot/k", "--ramdisk=/boot/r"}));
    EXPECT_EQ(words("bootloader_args=['a b', 'c']"), (Words{"a b", "c"}));
    EXPECT_EQ(words("bootloader_args=''"), Words{});
}

TEST(Public, Sizes) {
    auto kib = [](const std::string& text) { return load_text(minimal + text, "g.cfg").value().memory_kib; };
    EXPECT_EQ(kib("memory='1G'"), 1u << 20);
    EXPECT_EQ(kib("memory='512M'"), 512u << 10);
    EXPECT_EQ(kib("memory='2 GB'"), 2u << 20);
    EXPECT_EQ(kib("memory='524288k'"), 512u << 10);
    EXPECT_EQ(kib("maxmem='2g'\nmemory='1T'\nmaxmem='1T'"), std::uint64_t{1} << 30);
    for (auto text :
         {"memory='1X'", "memory='G'", "memory='1.5G'", "memory='100k'", "memory='99999999999999999T'", "memory='0G'"})
        EXPECT_EQ(refused(minimal + std::string(text)).what.substr(0, 14), "g.cfg:5: memor") << text;
}

TEST(Public, ForeignFormatsAreNamed) {
    struct {
        std::string text;
        const char *what, *remedy;
    } cases[] = {
        {"<domain type=\"xen\">\n  <name>shop</name>\n</domain>\n", "g.cfg:1: this is XML", "virsh domxml-to-native"},
        {"# a comment\n\n<?xml version='1.0'?>\n", "g.cfg:3: this is XML", "virsh"},
        {"(domain\n  (name shop)\n  (vcpus 1))\n", "g.cfg:1: this is an S-expression", "KEY = VALUE"},
        {"{\n  \"c_info\": { \"type\": \"pv\" }\n}\n", "g.cfg:1: this is JSON", "KEY = VALUE"},
        {"\xef\xbb\xbfname = 'shop'\n", "g.cfg:1: it begins with a byte order mark", "sed"},
        {std::string("\xff\xfen\0a\0", 6), "g.cfg:1: this is UTF-16", "iconv"},
        {std::string("\xfe\xff\0n\0a", 6), "g.cfg:1: this is UTF-16", "iconv"},
        {"# head\nimport os\nmachine = os.uname()[4]\nname = 'shop'\n",
         "g.cfg:2: this is Python: import (also in line 3)", "run the Python"},
        {"name = 'shop'\nlocaltime = False\nacpi = True\n", "g.cfg:2: this is Python: False (also in line 3)",
         "write 1 for True"},
        {"name = 'shop' + str(7)\n", "g.cfg:1: this is Python: ", "run the Python"},
        {"if x:\n  name = 'shop'\n", "g.cfg:1: this is Python: if", "run the Python"},
        {std::string("\x7f"
                     "ELF\0\0",
                     6),
         "g.cfg: not a configuration: it holds zero bytes", "image"},
    };
    for (auto& [text, what, remedy] : cases) {
        auto failure = refused(text);
        EXPECT_EQ(failure.what.substr(0, std::string(what).size()), what);
        EXPECT_NE(failure.remedy.find(remedy), std::string::npos) << failure.remedy;
    }
}

TEST(Public, OddCharactersAreNamed) {
    EXPECT_EQ(refused("name = 'shop'\nmemory\xc2\xa0= 128\n").what,
              "g.cfg:2: expected '=' after 'memory', found a no-break space (U+00A0)");
    EXPECT_EQ(refused("name = \xe2\x80\x9cshop\xe2\x80\x9d\n").what,
              "g.cfg:1: expected a string in quotes, a number or a list, found a typographic quote (U+201C)");
    EXPECT_EQ(refused("name = 'a' \xe9\n").what,
              "g.cfg:1: expected the end of the line, found the byte 0xe9, which is no UTF-8");
    EXPECT_EQ(name_character("\x07"), "the character U+0007");
    EXPECT_EQ(name_character("\xf0\x9f\x98\x80"), "the character U+1F600");
    EXPECT_EQ(name_character("\xe2\x80"), "the byte 0xe2, which is no UTF-8");
    EXPECT_EQ(name_character("x"), "'x'");
}

TEST(Public, RemediesHelp) {
    auto failure = refused(std::string(minimal) + "vif=['mac=00:16:3e:XX:XX:XX,bridge=xenbr0']\n");
    EXPECT_NE(failure.what.find("X stands for digits"), std::string::npos) << failure.what;
    EXPECT_EQ(failure.remedy.find("XX"), std::string::npos) << failure.remedy;
    EXPECT_EQ(failure.remedy.find("xx"), std::string::npos) << failure.remedy;
}

TEST(Public, BootLoaderKeysOfTheHost) {
    auto settings =
        parse_host_settings("bootloader_restrict=1\nbootloader_user='nobody'\nblkdev_start='xvda'\n", "xl.conf");
    ASSERT_TRUE(settings);
    EXPECT_TRUE(settings->bootloader_restrict);
    EXPECT_EQ(settings->bootloader_user, "nobody");
    ASSERT_EQ(settings->warnings.size(), 1u);
    EXPECT_EQ(settings->warnings[0].find("no boot loader"), std::string::npos);
}

TEST(Public, SizesAreReadInOneWay) {
    using toolstack::to_bytes;
    EXPECT_EQ(to_bytes("512"), 512ull << 20);
    EXPECT_EQ(to_bytes(" 2GB "), 2ull << 30);
    EXPECT_EQ(to_bytes("65536k"), 65536ull << 10);
    EXPECT_EQ(to_bytes("1 T"), 1ull << 40);
    EXPECT_EQ(to_bytes("512b"), 512u);
    for (auto text : {"", " ", "b", "gb", "5bb", "5x", "-1", "16777216t", "1g2"}) EXPECT_FALSE(to_bytes(text)) << text;
}
