//! The examples of Meta's page on customer file audiences, and those of the field's traps.

use crate::normalize::Column;

fn check(column: Column, country: &str, input: &str, normal: &str, digest: &str) {
    assert_eq!(
        column.normalize(input, country, 2026),
        normal,
        "{column:?} {input}"
    );
    assert_eq!(
        column.encode(input, country, 2026),
        digest,
        "{column:?} {input}"
    );
}

#[test]
fn every_field_has_metas_digest() {
    for (column, country, input, normal, digest) in [
        (
            Column::Email,
            "",
            "John_Smith@gmail.com",
            "john_smith@gmail.com",
            "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
        ),
        (
            Column::Phone,
            "us",
            "(650)555-1212",
            "16505551212",
            "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
        ),
        (
            Column::Phone,
            "",
            "+49 151 12345678",
            "4915112345678",
            "8efb96404be52f6109b9db0f687274a81e9e3cc23fabd6f0da5d38baa3d2facd",
        ),
        (
            Column::Phone,
            "de",
            "0151 12345678",
            "4915112345678",
            "8efb96404be52f6109b9db0f687274a81e9e3cc23fabd6f0da5d38baa3d2facd",
        ),
        (
            Column::Phone,
            "",
            "0049 (0)151 12345678",
            "4915112345678",
            "8efb96404be52f6109b9db0f687274a81e9e3cc23fabd6f0da5d38baa3d2facd",
        ),
        (
            Column::Phone,
            "us",
            "1 650 555 1212",
            "16505551212",
            "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
        ),
        (
            Column::Gen,
            "",
            "Female",
            "f",
            "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111",
        ),
        (
            Column::Gen,
            "",
            "m",
            "m",
            "62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a",
        ),
        (
            Column::Doby,
            "",
            "1990",
            "1990",
            "a7be8e1fe282a37cd666e0632b17d933fa13f21addf4798fc0455bc166e2488c",
        ),
        (
            Column::Dobm,
            "",
            "5",
            "05",
            "c97550ce8213ef5cf6ed4ba48790c137df3ef6a5da20b48961001a634b6cead2",
        ),
        (
            Column::Dobd,
            "",
            "14",
            "14",
            "8527a891e224136950ff32ca212b45bc93f69fbb801c3b1ebedac52775f99e61",
        ),
        (
            Column::Fn,
            "",
            "Mary",
            "mary",
            "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
        ),
        (
            Column::Fn,
            "",
            "Valéry",
            "valéry",
            "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c",
        ),
        (
            Column::Ln,
            "",
            "O'Connor",
            "oconnor",
            "7a0fbfdf40cbeb97429bdb88f512cecd27f0d44b7e57986ab578423bb61936ac",
        ),
        (
            Column::Ln,
            "",
            "O’Connor",
            "oconnor",
            "7a0fbfdf40cbeb97429bdb88f512cecd27f0d44b7e57986ab578423bb61936ac",
        ),
        (
            Column::Ln,
            "",
            " MÜLLER ",
            "müller",
            "2dbd218072117713f2d5996a726a9b216ed791ffd0783b6ba4ab6d61b8333192",
        ),
        (
            Column::Fi,
            "",
            "Anna",
            "a",
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        ),
        (
            Column::Ct,
            "",
            "San Francisco",
            "sanfrancisco",
            "1a6bd4d9d79dc0a79b53795c70d3349fa9e38968a3fbefbfe8783efb1d2b6aac",
        ),
        (
            Column::St,
            "us",
            "NY",
            "ny",
            "1b06e2003f8420d6fa42badd8f77ec0f706b976b7a48b13c567dc5a559681683",
        ),
        (
            Column::Zip,
            "us",
            "94035-1234",
            "94035",
            "1794327a4d443904421f5ca1f3d72d0a62ba2f0770d80755ec2220fc0efb052e",
        ),
        (
            Column::Zip,
            "gb",
            "SW1A 1AA",
            "sw1a1aa",
            "830e1d4b9838bab1f5c2acdb23e0b502ff13a9832c4632e8d67a1d43d3b7f614",
        ),
        (
            Column::Country,
            "",
            "US",
            "us",
            "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621",
        ),
    ] {
        check(column, country, input, normal, digest);
    }
}

#[test]
fn what_is_not_hashed_goes_as_it_is() {
    for (column, input, normal) in [
        (
            Column::Madid,
            "38400000-8CF0-11BD-B23E-10B96E40000D",
            "38400000-8cf0-11bd-b23e-10b96e40000d",
        ),
        (Column::ExternId, " CRM-42 ", "CRM-42"),
        (Column::LookalikeValue, "129.50", "129.50"),
        (Column::LookalikeValue, "-1", ""),
        (Column::LookalikeValue, "1e3", ""),
    ] {
        check(column, "", input, normal, normal);
    }
}

#[test]
fn what_normalizes_to_nothing_stays_empty() {
    for (column, country, input) in [
        (Column::Email, "", "nobody"),
        (Column::Phone, "", " - "),
        (Column::Phone, "de", "unknown"),
        (Column::Fn, "", "..."),
        (Column::Ct, "", "北京"),
        (Column::St, "us", "New York"),
        (Column::Zip, "us", "K1A 0B1"),
        (Column::Country, "", "Germany"),
        (Column::Doby, "", "1899"),
        (Column::Doby, "", "2027"),
        (Column::Dobm, "", "13"),
        (Column::Dobd, "", "0"),
        (Column::Gen, "", "unknown"),
    ] {
        check(column, country, input, "", "");
    }
}

#[test]
fn a_digest_is_not_hashed_again() {
    let digest = "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f";
    for column in [Column::Email, Column::Phone, Column::Ln, Column::Zip] {
        assert_eq!(column.encode(digest, "", 2026), digest);
    }
}
