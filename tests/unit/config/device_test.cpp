// SPDX-License-Identifier: Apache-2.0
// Disk and interface specifications, virtual device numbers, MAC addresses and UUIDs.
#include "config/cpus.hpp"
#include "config/devices/disk.hpp"
#include "config/devices/mac.hpp"
#include "config/devices/vdev.hpp"
#include "config/devices/vfb.hpp"
#include "config/devices/vif.hpp"
#include "config/uuid.hpp"

#include <gtest/gtest.h>

using namespace config;

namespace {
Disk disk(std::string_view text) {
    auto parsed = parse_disk(text);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
    return parsed.value_or(Disk{});
}
} // namespace

TEST(Vdev, NumbersOfNames) {
    for (auto [name, number] : {std::pair{"xvda", 51712u},
                                {"xvda1", 51713u},
                                {"xvde", 51776u},
                                {"xvdp15", 51967u},
                                {"xvdq", 268439552u},
                                {"xvdaa", (1u << 28) | (26 << 8)},
                                {"hda", 768u},
                                {"hdb", 832u},
                                {"hdc", 5632u},
                                {"hdd1", 5697u},
                                {"sda", 2048u},
                                {"sdb3", 2067u},
                                {"d0p0", 51712u},
                                {"d16p0", 268439552u},
                                {"51712", 51712u},
                                {"0xca00", 51712u},
                                {"xvda16", (1u << 28) | 16},
                                {"/dev/xvdb", 51728u}})
        EXPECT_EQ(vdev_number(name).value_or(0), number) << name;
    for (auto name : {"", "xvd", "xvdA", "xvda0", "xvda256", "hde", "sdq", "sda16", "foo", "xvdzzzzzz", "d1"})
        EXPECT_FALSE(vdev_number(name)) << name;
}

TEST(Vdev, NamesOfNumbersAreTheInverse) {
    for (auto name : {"xvda", "xvda1", "xvdp15", "xvdq", "xvdaa7", "xvdzz", "hda", "hdd63", "sdp15"})
        EXPECT_EQ(vdev_name(*vdev_number(name)), name);
    for (std::uint32_t n = 0; n < 70000; ++n) ASSERT_EQ(vdev_number(vdev_name(n)).value_or(~0u), n) << vdev_name(n);
}

TEST(Disk, PositionalForm) {
    auto d = disk("/dev/vg/guest,raw,xvda,rw");
    EXPECT_EQ(d.target, "/dev/vg/guest");
    EXPECT_EQ(d.vdev, "xvda");
    EXPECT_TRUE(d.writable);
    EXPECT_EQ(disk("/a.img,,hda").format, Format::raw);
    EXPECT_EQ(disk("/a.qcow2, qcow2, xvdb, r").format, Format::qcow2);
    EXPECT_FALSE(disk("/a.qcow2, qcow2, xvdb, ro").writable);
    EXPECT_TRUE(disk("/a,raw,xvda,w!").force);
}

TEST(Disk, OldPrefixes) {
    auto d = disk("phy:/dev/VolGroup00/w2k3,hda,w");
    EXPECT_EQ(d.target, "/dev/VolGroup00/w2k3");
    EXPECT_EQ(d.vdev, "hda");
    EXPECT_EQ(d.backend, Backend::chosen); // as stock: a file may stand there, too
    EXPECT_EQ(disk("phy:hda1,sda1,r").target, "/dev/hda1");
    d = disk("file:/xen/images/busybox.img,xvda,w");
    EXPECT_EQ(d.target, "/xen/images/busybox.img");
    EXPECT_EQ(d.format, Format::raw);
    EXPECT_EQ(disk("tap:qcow2:/x,xvda,w").format, Format::qcow2);
    EXPECT_EQ(disk("tap:aio:/x,xvda,w").format, Format::raw);
    EXPECT_EQ(disk("tap2:tapdisk:aio:/x,xvda,w").target, "/x");
    auto cd = disk("file:/x.iso,hdc:cdrom,r");
    EXPECT_TRUE(cd.cdrom);
    EXPECT_FALSE(cd.writable);
    EXPECT_TRUE(disk("phy:/dev/hdb,ioemu:hdc:cdrom,r").cdrom);
}

TEST(Disk, KeyValueForm) {
    auto d = disk("format=raw, vdev=xvde, access=rw, target=/dev/sde");
    EXPECT_EQ(d.number, 51776u);
    EXPECT_EQ(d.target, "/dev/sde");
    EXPECT_EQ(disk("vdev=xvda,access=r,target=/odd,name=x, y.img").target, "/odd,name=x, y.img");
    EXPECT_EQ(disk("vdev=xvda,backendtype=qdisk,format=qcow2,target=/x").backend, Backend::qdisk);
    EXPECT_EQ(disk("script=block-iscsi,vdev=xvda,target=iqn=x").script, "block-iscsi");
    EXPECT_TRUE(disk(",,hdc,cdrom").cdrom);
    EXPECT_EQ(disk("devtype=cdrom,vdev=hdc").format, Format::empty);
    EXPECT_EQ(disk("/x,raw,xvda,rw,no-discard").discard, std::optional(false));
}

TEST(Disk, BadSpecificationsAreExplained) {
    for (auto text :
         {"", ",", "/x", "/x,raw", "/x,raw,foo", "/x,zip,xvda", "/x,raw,xvda,q", "/x,raw,xvda,rw,extra", "vdev=xvda",
          "vdev=xvda,foo=bar,target=/x", "/x,raw,xvda:floppy,r", "/x,raw,xvda,backendtype=x"}) {
        auto parsed = parse_disk(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed.error().what.starts_with("disk '")) << parsed.error().what;
    }
}

TEST(Disk, RoundTrip) {
    for (auto text : {"/a,raw,xvda,rw", "phy:/dev/x,hda,w!", "/q,qcow2,xvdb,r,discard,backend=3",
                      "devtype=cdrom,vdev=hdc", "vdev=xvdc,script=block-x,direct-io-safe,untrusted,target=a,b=c"}) {
        auto first = disk(text);
        EXPECT_EQ(disk(print(first)), first) << print(first);
    }
}

TEST(Mac, ReadsPrintsAndMakes) {
    EXPECT_EQ(print(*parse_mac("00:16:3E:00:00:1F")), "00:16:3e:00:00:1f");
    for (auto text : {"", "00:16:3e:00:00", "00:16:3e:00:00:111", "00:16:3e:00:00:zz", "01:00:00:00:00:00", "::::::"})
        EXPECT_FALSE(parse_mac(text)) << text;
    EXPECT_EQ(print(make_mac(0xffffff)), "00:16:3e:7f:ff:ff");
}

TEST(Vif, Keys) {
    auto vif = parse_vif("bridge=eth0, mac=00:16:3e:38:d4:15 ,ip=10.0.0.2,vifname=web,rate=10Mb/s,devid=3,untrusted");
    ASSERT_TRUE(vif) << vif.error().what;
    EXPECT_EQ(vif->bridge, "eth0");
    EXPECT_EQ(print(*vif->mac), "00:16:3e:38:d4:15");
    EXPECT_EQ(vif->rate->bytes_per_interval, 62500u);
    EXPECT_EQ(vif->devid, 3u);
    EXPECT_EQ(parse_vif(print(*vif)).value(), *vif);
    EXPECT_EQ(parse_vif("").value(), Vif{});
    EXPECT_EQ(parse_vif("netdev=eth1")->gateway_device, "eth1");
    for (auto text : {"mac=1", "foo=1", "bridge", "type=x", "devid=-1", "mtu=10", "vifname=0123456789abcdef"})
        EXPECT_FALSE(parse_vif(text)) << text;
}

TEST(Vif, Rates) {
    EXPECT_EQ(parse_rate("10Mb/s")->bytes_per_interval, 62500u);
    EXPECT_EQ(parse_rate("250KB/s@20ms")->bytes_per_interval, 5000u);
    EXPECT_EQ(parse_rate("1GB/s@1s")->interval_us, 1000000u);
    EXPECT_EQ(parse_rate("1MB/s@20000us")->bytes_per_interval, 20000u);
    for (auto text : {"", "10", "10Mb", "10X/s", "b/s", "10Mb/s@", "10Mb/s@5", "10Mb/s@0ms", "1b/s"})
        EXPECT_FALSE(parse_rate(text)) << text;
}

TEST(Cpus, Sets) {
    EXPECT_EQ(print_ranges(*parse_cpus("0-3,5,^1"), 64), "0,2-3,5");
    EXPECT_EQ(print_ranges(*parse_cpus("^1"), 4), "0,2-3");
    EXPECT_EQ(print_cpus(*parse_cpus("all"), 4), "all");
    EXPECT_EQ(print_cpus(*parse_cpus("0-7"), 4), "all");
    EXPECT_EQ(print_cpus(*parse_cpus("none"), 4), "none");
    auto nodes = [](unsigned node) -> toolstack::Result<CpuSet> { return CpuSet(node ? 0xcu : 3u); };
    EXPECT_EQ(print_ranges(*parse_cpus("nodes:0-1,^node:0,0", nodes), 8), "0,2-3");
    for (auto text : {"", "a", "3-1", "1-", "99999", "node:0", "1,,2"}) EXPECT_FALSE(parse_cpus(text)) << text;
}

TEST(Uuid, Forms) {
    auto text = "12345678-9abc-def0-1234-56789abcdef0";
    EXPECT_EQ(print(*parse_uuid(text)), text);
    EXPECT_EQ(print(*parse_uuid("123456789abcdef0123456789abcdef0")), text);
    for (auto bad : {"", "1234", "12345678-9abc-def0-1234-56789abcdef", "g2345678-9abc-def0-1234-56789abcdef0"})
        EXPECT_FALSE(parse_uuid(bad)) << bad;
    EXPECT_EQ(print(make_uuid({}))[14], '4');
}

namespace {
Vfb vfb(std::string_view text) {
    std::vector<std::string> warnings;
    auto parsed = parse_vfb(text, warnings);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().what);
    EXPECT_TRUE(warnings.empty());
    return parsed.value_or(Vfb{});
}
} // namespace

TEST(Vfb, DefaultsAndKeys) {
    auto plain = vfb("");
    EXPECT_TRUE(plain.shows_vnc() && plain.seeks_display());
    EXPECT_EQ(plain.address(), "127.0.0.1");
    EXPECT_EQ(plain.display(), 0u);
    auto all =
        vfb(" type=vnc, vnc=1,vnclisten=0.0.0.0 ,vncdisplay=3,vncunused=0,vncpasswd=a=b,keymap=de,sdl=1,opengl=0,"
            "display=:0,xauthority=/root/.Xauthority");
    EXPECT_EQ(all.address(), "0.0.0.0");
    EXPECT_EQ(all.display(), 3u);
    EXPECT_FALSE(all.seeks_display());
    EXPECT_EQ(all.password, "a=b");
    EXPECT_EQ(all.sdl, true);
    EXPECT_EQ(all.opengl, false);
    EXPECT_EQ(all.x_display, ":0");
    EXPECT_EQ(vfb(print(all)), all);
    EXPECT_FALSE(vfb("vnc=0").shows_vnc());
    EXPECT_FALSE(vfb("vnc=0").seeks_display());
}

TEST(Vfb, DisplayWithinTheAddress) {
    for (auto [text, address, display] : {std::tuple{"vnclisten=0.0.0.0:7", "0.0.0.0", 7u},
                                          {"vnclisten=[::1]:2", "[::1]", 2u},
                                          {"vnclisten=[::1],vncdisplay=4", "[::1]", 4u},
                                          {"vnclisten=::1,vncdisplay=5", "::1", 5u}}) {
        EXPECT_EQ(vfb(text).address(), address) << text;
        EXPECT_EQ(vfb(text).display(), display) << text;
    }
}

TEST(Vfb, WhatIsWrong) {
    std::vector<std::string> warnings;
    for (auto text : {"vnc=maybe", "vncdisplay=x", "vncdisplay=59636", "vnclisten=0.0.0.0:x", "sdl", "vncunused=2"})
        EXPECT_FALSE(parse_vfb(text, warnings)) << text;
    EXPECT_TRUE(warnings.empty());
    EXPECT_TRUE(parse_vfb("nosuch=1", warnings));
    EXPECT_EQ(warnings.size(), 1u);
}
