// SPDX-License-Identifier: Apache-2.0
// Whole guest configurations: old and new forms, defaults, and an error for each wrong type, range and combination.
#include "config/host_settings.hpp"
#include "config/load.hpp"
#include "config/schema.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {

constexpr auto minimal = "name='g'\nkernel='/k'\n";

DomainConfig good(const std::string& text) {
    auto loaded = load_text(minimal + text, "g.cfg");
    EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().what);
    return loaded.value_or(DomainConfig{});
}

std::string bad(const std::string& text) {
    auto loaded = load_text(minimal + text, "g.cfg");
    return loaded ? "loaded" : loaded.error().what;
}

} // namespace

TEST(Load, ClassicGuest) {
    auto loaded = load_text(R"(
kernel = "/boot/vmlinuz-3.7.10"
ramdisk = "/boot/initramfs.img"
name = "busybox"
memory = "256"
vcpus = '2'
root = "/dev/xvda ro"
extra = 'console=hvc0 init=/sbin/init'
disk = [ 'file:/xen/images/busybox.img,xvda,w', ]
vif = [ 'bridge=xenbr0', 'type=ioemu, bridge=xenbr0', ]
on_poweroff = 'destroy'
on_reboot = 'restart'
on_crash = 'coredump-restart'
)",
                            "busybox");
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(loaded->memory_kib, 256u * 1024);
    EXPECT_EQ(loaded->max_memory_kib, 256u * 1024);
    EXPECT_EQ(loaded->vcpus, 2u);
    EXPECT_EQ(loaded->command_line, "root=/dev/xvda ro console=hvc0 init=/sbin/init");
    EXPECT_EQ(loaded->disks.size(), 1u);
    EXPECT_EQ(loaded->vifs.size(), 2u);
    EXPECT_EQ(loaded->on_crash, Action::coredump_restart);
    EXPECT_TRUE(loaded->warnings.empty());
}

TEST(Load, DefaultsAndDerivedValues) {
    auto g = good("");
    EXPECT_EQ(g.memory_kib, 32u * 1024);
    EXPECT_EQ(g.on_reboot, Action::restart);
    EXPECT_EQ(good("maxmem=128").memory_kib, 128u * 1024);
    EXPECT_EQ(good("maxvcpus=4").vcpus, 4u);
    EXPECT_EQ(good("vcpus=2\nmaxvcpus=4").vcpus, 2u);
    EXPECT_EQ(good("cmdline='a b'\nextra='c'").command_line, "a b");
    EXPECT_EQ(good("builder='linux'").type, GuestType::pv);
    EXPECT_EQ(good("builder='hvm'").type, GuestType::hvm);
    EXPECT_EQ(good("tsc_mode='native'").tsc_mode, TscMode::native);
    EXPECT_EQ(good("tsc_mode=1").tsc_mode, TscMode::always_emulate);
}

TEST(Load, OverridesWin) {
    std::string overrides[] = {"memory=64", "name=other", "vif=['bridge=b']"};
    auto loaded = load_text("name='g'\nkernel='/k'\nmemory=32", "g.cfg", overrides);
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(loaded->memory_kib, 64u * 1024);
    EXPECT_EQ(loaded->name, "other");
    EXPECT_EQ(loaded->vifs.size(), 1u);
}

TEST(Load, WrongTypesRangesAndCombinations) {
    EXPECT_EQ(bad("memory = 'much'"), "g.cfg:3: memory must be a size, but is 'much'");
    EXPECT_EQ(bad("vcpus = 'many'"), "g.cfg:3: vcpus must be a number, but is 'many'");
    EXPECT_EQ(bad("memory = [ '1' ]"), "g.cfg:3: memory is a list, but one value is expected");
    EXPECT_EQ(bad("vcpus = 0"), "g.cfg:3: vcpus must be between 1 and 8192, but is 0");
    EXPECT_EQ(bad("disk = '/x'"), "g.cfg:3: disk must be a list");
    EXPECT_EQ(bad("on_crash = 'panic'"), "g.cfg:3: on_crash cannot be 'panic'");
    EXPECT_EQ(bad("localtime = 2"), "g.cfg:3: localtime must be between 0 and 1, but is 2");
    EXPECT_EQ(bad("memory = 64\nmaxmem = 32"), "g.cfg:4: maxmem is 32 MiB, less than memory, 64 MiB");
    EXPECT_EQ(bad("vcpus = 4\nmaxvcpus = 2"), "g.cfg:4: maxvcpus is 2, less than vcpus, 4");
    EXPECT_EQ(bad("disk = [ '/a,raw,xvda,w', '/b,raw,xvda,w' ]"), "g.cfg:3: disk has 'xvda' twice");
    EXPECT_EQ(bad("cpus = [ '0', '1' ]"), "g.cfg:3: cpus has 2 entries for 1 virtual CPUs");
    EXPECT_EQ(bad("tsc_mode='native_paravirt'"), "g.cfg:3: tsc_mode native_paravirt is gone");
    EXPECT_EQ(bad("uuid='x'"), "g.cfg:3: 'x' is not a UUID");
    EXPECT_EQ(load_text("kernel='/k'", "g.cfg").error().what, "g.cfg: no name");
    EXPECT_EQ(load_text("name='g'", "g.cfg").error().what, "guest 'g' has no kernel");
    EXPECT_NE(bad("name='a/b'"), "loaded");
    EXPECT_NE(bad("name='12'"), "loaded");
}

TEST(Load, UnknownAndIneffectiveKeysWarn) {
    auto g = good("memroy = 64\nVcpus = 2\nvnc = 1");
    ASSERT_EQ(g.warnings.size(), 3u);
    EXPECT_EQ(g.warnings[0], "g.cfg:3: memroy: unknown key ignored; did you mean 'memory'?");
    EXPECT_EQ(g.warnings[1], "g.cfg:4: Vcpus: unknown key ignored; did you mean 'vcpus'?");
    EXPECT_EQ(g.warnings[2], "g.cfg:5: vnc is not supported yet and has no effect on a pv guest");
}

TEST(Schema, EveryDefaultIsValidForItsKey) {
    EXPECT_GE(schema().size(), 160u);
    for (auto& key : schema()) {
        if (key.fallback.empty() || (key.type != Type::flag && key.type != Type::choice)) continue;
        Setting setting{.key = std::string(key.name), .value = {.text = std::string(key.fallback)}};
        auto text = std::string(key.name) + " = '" + std::string(key.fallback) + "'";
        EXPECT_EQ(bad(text), "loaded") << key.name;
    }
}

TEST(HostSettings, EveryKeyOfXlConfIsHonouredOrNamed) {
    using Auto = HostSettings::Autoballoon;
    auto settings = parse_host_settings(
        "autoballoon=\"on\"\nrun_hotplug_scripts=0\nlockfile=\"/tmp/l\"\ndomid_policy=\"random\"\n"
        "vm.cpumask=\"0-3\"\nvm.pv.cpumask=\"1\"\nvm.hvm.cpumask=\"2\"\nnative_hotplug=0\noutput_format=\"json\"\n",
        "xl.conf");
    ASSERT_TRUE(settings) << settings.error().what;
    EXPECT_EQ(settings->autoballoon, Auto::on);
    EXPECT_FALSE(settings->run_hotplug_scripts);
    EXPECT_FALSE(settings->native_hotplug);
    EXPECT_TRUE(settings->random_ids);
    EXPECT_EQ(settings->lock_file, "/tmp/l");
    EXPECT_EQ(settings->cpus + settings->cpus_pv + settings->cpus_hvm, "0-312");
    EXPECT_TRUE(settings->warnings.empty());
    for (auto& [text, value] :
         {std::pair("0", Auto::off), {"1", Auto::on}, {"off", Auto::off}, {"auto", Auto::automatic}})
        EXPECT_EQ(parse_host_settings(std::string("autoballoon='") + text + "'", "xl.conf")->autoballoon, value)
            << text;
    EXPECT_EQ(parse_host_settings("", "xl.conf")->autoballoon, Auto::automatic);
    EXPECT_FALSE(parse_host_settings("autoballoon='maybe'", "xl.conf"));
    EXPECT_FALSE(parse_host_settings("domid_policy='last'", "xl.conf"));
    for (auto key : {"blkdev_start='xvdz'", "remus.default.netbufscript='x'", "colo.default.proxyscript='x'",
                     "output_format='sxp'"}) {
        auto named = parse_host_settings(key, "xl.conf");
        ASSERT_TRUE(named) << key;
        ASSERT_EQ(named->warnings.size(), 1u) << key;
        EXPECT_TRUE(named->warnings[0].find("has no effect") != std::string::npos ||
                    named->warnings[0].find("not supported") != std::string::npos)
            << named->warnings[0];
    }
}

TEST(HostSettings, CpuMasks) {
    auto settings =
        *parse_host_settings("vm.cpumask='0-3'\nvm.pv.cpumask='3-4'\nvm.hvm.cpumask='nodes:0'\n", "xl.conf");
    EXPECT_EQ(print_ranges(*settings.allowed_cpus(true), 64), "3");
    EXPECT_FALSE(settings.allowed_cpus(false));
    EXPECT_TRUE(parse_host_settings("", "xl.conf")->allowed_cpus(true)->all());
}

TEST(HostSettings, TheManPageKnowsWhatTheParserKnows) {
    for (auto& key : host_keys()) {
        auto settings =
            parse_host_settings(std::string(key.name) + "='1'", "xl.conf"); // a word that is wrong is known, too
        for (auto& warning : settings ? settings->warnings : std::vector<std::string>{})
            EXPECT_EQ(warning.find("unknown key"), std::string::npos) << warning;
    }
}

TEST(HostSettings, DefaultsOfXlConf) {
    auto settings = parse_host_settings(
        "# comment\nautoballoon=\"auto\"\nvif.default.bridge=\"br0\"\nclaim_mode=0\nfoo=1\n", "xl.conf");
    ASSERT_TRUE(settings) << settings.error().what;
    EXPECT_EQ(settings->bridge, "br0");
    EXPECT_FALSE(settings->claim);
    ASSERT_EQ(settings->warnings.size(), 1u);
    EXPECT_EQ(settings->warnings[0], "xl.conf:5: unknown key 'foo' ignored");
    EXPECT_FALSE(parse_host_settings("max_grant_frames='x'", "xl.conf"));
    Vif vif;
    settings->apply(vif);
    EXPECT_EQ(vif.bridge, "br0");
}

TEST(Load, RightsOnTheMachine) {
    auto config = good("ioports=['3f8-3ff','2F8']\niomem=['a0,20']\nirqs=[4,'5']\n");
    ASSERT_EQ(config.rights.ports.size(), 2u);
    EXPECT_EQ(config.rights.ports[0].first, 0x3f8u);
    EXPECT_EQ(config.rights.ports[0].count, 8u);
    EXPECT_EQ(config.rights.ports[1].count, 1u);
    ASSERT_EQ(config.rights.frames.size(), 1u);
    EXPECT_EQ(config.rights.frames[0].first, 0xa0u);
    EXPECT_EQ(config.rights.frames[0].count, 0x20u);
    EXPECT_EQ(config.rights.interrupts, (std::vector<std::uint32_t>{4, 5}));
    for (auto text : {"ioports=['3ff-3f8']", "ioports=['10000']", "ioports=['x']", "ioports=['1-2-3']", "iomem=['a0']",
                      "iomem=['a0,0']", "iomem=['a0,1,2']", "irqs=['x']", "irqs=[-1]", "irqs=[70000]"})
        EXPECT_NE(bad(text), "loaded") << text;
}

TEST(Load, KeysOfPvhGuests) {
    auto config = good("type='pvh'\nacpi=0\nhap=0\nshadow_memory=8\n");
    EXPECT_TRUE(config.warnings.empty());
    EXPECT_FALSE(config.hardware.acpi);
    EXPECT_FALSE(config.hardware.hap);
    EXPECT_EQ(config.hardware.paging_memory_kib, 8192u);
    EXPECT_EQ(good("shadow_memory=8\n").warnings.size(), 1u); // without meaning for PV guests
    EXPECT_NE(bad("pvshim=1"), "loaded");
}

TEST(Load, BootLoaderStandsInForAKernel) {
    auto loaded = load_text("name='g'\nbootloader='pygrub'\nbootloader_args=['-q','--entry=1']\n", "g.cfg");
    ASSERT_TRUE(loaded);
    EXPECT_EQ(loaded->bootloader, "pygrub");
    EXPECT_EQ(loaded->bootloader_args.size(), 2u);
    EXPECT_FALSE(load_text("name='g'\n", "g.cfg"));
}
