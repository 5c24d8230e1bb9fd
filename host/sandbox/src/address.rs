//! Which network addresses are somebody else's public ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On the public internet.
    Public,
    /// Loopback, private, link-local, shared, multicast, reserved: why, for a person.
    Inside(&'static str),
    /// Where clouds hand out credentials to whoever asks.
    Metadata,
}

/// Classifies by the IANA special-purpose registries. An address that carries an IPv4 address
/// inside is what that one is.
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    let [a, b, c, _] = address.octets();
    // Amazon, Google, Azure and others; Alibaba.
    if address == Ipv4Addr::new(169, 254, 169, 254) || address == Ipv4Addr::new(100, 100, 100, 200)
    {
        return Reach::Metadata;
    }
    match (a, b, c) {
        (0, ..) => Reach::Inside("unspecified"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Reach::Inside("private"),
        (100, 64..=127, _) => Reach::Inside("shared by a carrier"),
        (127, ..) => Reach::Inside("loopback"),
        (169, 254, _) => Reach::Inside("link-local"),
        (192, 0, 0) | (192, 31, 196) | (192, 52, 193) | (192, 175, 48) => Reach::Inside("reserved"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Reach::Inside("for documentation"),
        (192, 88, 99) => Reach::Inside("a 6to4 relay"),
        (198, 18..=19, _) => Reach::Inside("for benchmarks"),
        (224..=239, ..) => Reach::Inside("multicast"),
        (240..=255, ..) => Reach::Inside("reserved"),
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    let parts = address.segments();
    // Amazon's metadata service.
    if address == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) {
        return Reach::Metadata;
    }
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        reach_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Inside("unspecified"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Inside("loopback"),
        // IPv4-mapped and the deprecated IPv4-compatible form.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => inner(high, low),
        // NAT64 with the well-known prefix, then the local one.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        [0x64, 0xff9b, 1, ..] => Reach::Inside("a local translation"),
        [0x100, 0, 0, 0, ..] => Reach::Inside("discarded"),
        // Teredo, benchmarking, ORCHID and the rest of 2001::/23.
        [0x2001, 0..=0x1ff, ..] => Reach::Inside("reserved"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Reach::Inside("for documentation"),
        [0x2002, high, low, ..] => inner(high, low),
        [first, ..] => match first {
            0xfc00..=0xfdff => Reach::Inside("private"),
            0xfe80..=0xfebf => Reach::Inside("link-local"),
            0xfec0..=0xfeff => Reach::Inside("site-local"),
            0xff00..=0xffff => Reach::Inside("multicast"),
            // Only 2000::/3 is handed out.
            0x2000..=0x3fff => Reach::Public,
            _ => Reach::Inside("reserved"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn public_addresses_are_public() {
        for text in [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert_eq!(reach(text.parse().unwrap()), Reach::Public, "{text}");
        }
    }

    #[test]
    fn inside_addresses_are_not() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.1.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "4000::1",
        ] {
            assert!(
                matches!(reach(text.parse().unwrap()), Reach::Inside(_)),
                "{text}"
            );
        }
    }

    #[test]
    fn metadata_services_are_known_in_every_form() {
        for text in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
            assert_eq!(reach(text.parse().unwrap()), Reach::Metadata, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_what_it_carries(bits: u32) {
            let inner = Ipv4Addr::from_bits(bits);
            let mapped = IpAddr::V6(inner.to_ipv6_mapped());
            prop_assert_eq!(reach(mapped), reach(IpAddr::V4(inner)));
        }
    }
}
