//! ZIP archives that no honest tool makes.

use tosca_csar::{Error, Exceeded, Limits, Options, Package, Refusal};

use crate::archives::{TOSCA, ZipEntry, open, refusal, told, zip, zip_with};

/// A package with one more entry is refused for it.
#[track_caller]
fn check(entry: ZipEntry, expected: Refusal) {
    let name = String::from_utf8_lossy(&entry.name).into_owned();
    assert_eq!(refusal(zip_with([entry])), (name, expected));
}

// C354.
#[test]
fn names_that_lead_elsewhere_are_refused() {
    check(ZipEntry::new("../evil", ""), Refusal::Traversal);
    check(ZipEntry::new("a/../../evil", ""), Refusal::Traversal);
    check(ZipEntry::new("/etc/evil", ""), Refusal::Absolute);
    check(ZipEntry::new("..\\evil", ""), Refusal::Backslash);
    check(ZipEntry::new("C:evil", ""), Refusal::Drive);
    check(ZipEntry::new("a\0.yaml", ""), Refusal::ControlCharacter);
    check(ZipEntry::new("a\x1b[2J", ""), Refusal::ControlCharacter);
    check(ZipEntry::new("", ""), Refusal::NoName);
    check(ZipEntry::new("a/".repeat(100), ""), Refusal::TooDeep(64));
}

#[test]
fn a_refused_name_cannot_write_on_the_terminal() {
    let error = open(zip_with([ZipEntry::new("a\x1b[2J", "")])).expect_err("refused");
    assert_eq!(told(&error), "refused package `p`: entry `a\\u{1b}[2J` has a control character in its name");
}

#[test]
fn links_and_devices_are_refused() {
    check(ZipEntry::new("l", "/etc/passwd").with(|entry| entry.mode = 0o120_777), Refusal::SymbolicLink);
    check(ZipEntry::new("d", "").with(|entry| entry.mode = 0o020_600), Refusal::Special);
    check(ZipEntry::new("f", "").with(|entry| entry.mode = 0o010_600), Refusal::Special);
    check(ZipEntry::new("s", "").with(|entry| entry.mode = 0o140_600), Refusal::Special);
    check(ZipEntry::new("a", "").with(|entry| entry.mode = 0o040_755), Refusal::FileAndFolder);
    check(ZipEntry::new("a/", "").with(|entry| entry.mode = 0o100_644), Refusal::FileAndFolder);
}

// C354.
#[test]
fn one_name_is_there_once() {
    check(ZipEntry::new("service.yaml", "other"), Refusal::Duplicate);
    // The same after the leading `./` is taken off.
    assert_eq!(
        refusal(zip_with([ZipEntry::new("./service.yaml", "")])),
        ("service.yaml".to_owned(), Refusal::Duplicate)
    );
    assert_eq!(
        refusal(zip_with([ZipEntry::new("service.yaml/a", "")])),
        ("service.yaml".to_owned(), Refusal::FileAndFolder)
    );
    assert_eq!(
        refusal(zip_with([ZipEntry::new("service.yaml/", "")])),
        ("service.yaml".to_owned(), Refusal::FileAndFolder)
    );
}

#[test]
fn names_that_differ_by_case_are_a_warning() {
    let package = open(zip_with([ZipEntry::new("a/B", ""), ZipEntry::new("A/b", "")])).unwrap();
    let findings = package.findings();
    assert!(!findings.has_errors());
    assert_eq!(findings.diagnostics[0].code, "csar-name-case");
    assert_eq!(findings.diagnostics[0].message, "`A/b` and `a/B` differ only by case");
}

// C354.
#[test]
fn encryption_and_rare_methods_are_refused() {
    check(ZipEntry::new("a", "x").with(|entry| entry.flags |= 1), Refusal::Encrypted);
    for method in [1, 9, 12, 14, 93, 95, 98] {
        check(ZipEntry::new("a", "x").with(|entry| entry.method = method), Refusal::Method(method));
    }
}

#[test]
fn entries_do_not_share_bytes() {
    // Every entry's header is the first one's: the bomb that unpacks one kernel many times.
    let kernel = ZipEntry::new("a", vec![0; 4096]);
    let copy = ZipEntry::new("b", vec![0; 4096]).with(|entry| {
        entry.header_of = Some(1);
    });
    let (name, why) = refusal(zip_with([kernel.clone(), copy.clone()]));
    assert_eq!((name.as_str(), why), ("b", Refusal::TwoNames("a".to_owned())));
    // The same with names that agree: an entry inside of a stored one.
    let inner = zip(&[ZipEntry::new("in", "x").with(|entry| entry.method = 0)]);
    let outer = ZipEntry::new("outer", &inner).with(|entry| entry.method = 0);
    let mut archive = zip_with([outer, ZipEntry::new("in", "x").with(|entry| entry.method = 0)]);
    let first = find(&archive, b"PK\x03\x04\x14\0\0\x08\0\0", 2);
    let listed = rfind(&archive, b"PK\x01\x02");
    archive[listed + 42..listed + 46].copy_from_slice(&(first as u32).to_le_bytes());
    assert_eq!(refusal(archive), ("in".to_owned(), Refusal::Overlapping("outer".to_owned())));
}

/// The position of the n-th occurrence, from 1.
fn find(bytes: &[u8], wanted: &[u8], n: usize) -> usize {
    bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted).nth(n - 1).unwrap().0
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> usize {
    bytes.windows(wanted.len()).rposition(|window| window == wanted).unwrap()
}

#[test]
fn headers_that_disagree_are_refused() {
    check(
        ZipEntry::new("seen.yaml", "x").with(|entry| entry.local_name = Some(b"real.yaml".to_vec())),
        Refusal::TwoNames("real.yaml".to_owned()),
    );
    let archive = zip_with([ZipEntry::new("hidden", "x").with(|entry| entry.unlisted = true)]);
    let error = open(archive).expect_err("refused");
    assert_eq!(
        told(&error),
        "failed to read archive `p`: invalid Zip archive: header inconsistency detected: local file header missing \
         from central directory"
    );
}

#[test]
fn an_archive_starts_at_its_beginning() {
    let mut archive = b"#!/bin/sh\n".to_vec();
    archive.extend(zip_with([]));
    assert!(matches!(open(archive), Err(Error::Unrecognized { .. })));
    // A second archive in front: which one a reader sees depends on where it looks.
    let mut archive = zip_with([]);
    archive.extend(zip(&[ZipEntry::new("service.yaml", "evil")]));
    assert_eq!(
        told(&open(archive).expect_err("two archives")),
        "failed to read archive `p`: something else follows its central directory"
    );
    // The second one as the comment of the first, and the other way round.
    let second = zip(&[ZipEntry::new("service.yaml", "evil")]);
    let mut archive = zip_with([]);
    let end = archive.len();
    archive[end - 2..].copy_from_slice(&(second.len() as u16).to_le_bytes());
    archive.extend(&second);
    assert_eq!(
        told(&open(archive).expect_err("two archives")),
        "failed to read archive `p`: its comment holds the end of another archive"
    );
    let mut archive = zip_with([]);
    archive.extend(b"trailing");
    assert!(matches!(open(archive), Err(Error::Damaged { .. })));
    // A comment is no harm.
    let mut archive = zip_with([]);
    let end = archive.len();
    archive[end - 2..].copy_from_slice(&2_u16.to_le_bytes());
    archive.extend(b"hi");
    assert!(open(archive).is_ok());
}

#[test]
fn damage_is_told_by_the_entry_that_has_it() {
    let archive = zip_with([
        ZipEntry::new("bad", "content").with(|entry| entry.crc = Some(1)),
        ZipEntry::new("short", "content").with(|entry| entry.size = Some(99)),
        ZipEntry::new("long", "content").with(|entry| entry.size = Some(3)),
    ]);
    let package = open(archive).unwrap();
    let verification = package.verify();
    let failures: Vec<String> = verification.failures.iter().map(|error| told(error)).collect();
    assert_eq!(
        failures,
        [
            "failed to read `bad` in package `p`: Invalid checksum",
            "failed to read `long` in package `p`: File is larger than its declared uncompressed size",
            "failed to read `short` in package `p`: it has fewer bytes than the 99 that were announced",
        ]
    );
    assert_eq!(verification.digest, None);
    assert_eq!(verification.files.len(), 1);
    assert!(package.read("bad").is_err());
}

#[test]
fn every_cut_of_an_archive_is_an_error_and_no_panic() {
    let archive = zip_with([ZipEntry::new("a/b", "content")]);
    for length in 0..archive.len() {
        assert!(open(archive[..length].to_vec()).is_err(), "{length}");
    }
}

#[test]
fn every_changed_byte_of_an_archive_is_survived() {
    let archive = zip_with([ZipEntry::new("a/b", "content content content")]);
    for position in 0..archive.len() {
        for value in [0, 0xff, archive[position] ^ 1, archive[position] ^ 0x80] {
            let mut archive = archive.clone();
            archive[position] = value;
            if let Ok(package) = open(archive) {
                package.verify();
            }
        }
    }
}

// C354, C365.
#[test]
fn bombs_are_refused_by_what_they_announce() {
    let limits = |limits| Options { limits, ..Options::default() };
    let exceeded = |bytes: &[u8], options: &Options| match Package::from_bytes("p", bytes, options) {
        Err(Error::Limit { exceeded, .. }) => exceeded,
        other => panic!("expected a limit, got {other:?}"),
    };
    // A hundred megabytes of zeros in a hundred kilobytes.
    let bomb = zip_with([ZipEntry::new("zeros", vec![0; 100 << 20])]);
    assert_eq!(exceeded(&bomb, &Options::default()), Exceeded::Ratio(200));
    let many = zip(&vec![ZipEntry::new("a", ""); 10]);
    let options = limits(Limits { entries_max: 9, ..Limits::default() });
    assert_eq!(exceeded(&many, &options), Exceeded::Entries(9));
    let options = limits(Limits { archive_bytes_max: 100, ..Limits::default() });
    assert_eq!(exceeded(&zip_with([]), &options), Exceeded::ArchiveBytes(100));
    let options = limits(Limits { unpacked_bytes_max: 40, ..Limits::default() });
    assert_eq!(exceeded(&zip_with([ZipEntry::new("a", "xxxx")]), &options), Exceeded::UnpackedBytes(40));
    // What lies about its size is stopped at what it announced.
    let liar = zip_with([ZipEntry::new("zeros", vec![0; 100 << 20]).with(|entry| entry.size = Some(10))]);
    let package = open(liar).unwrap();
    let mut written = Vec::new();
    assert!(package.copy("zeros", &mut written).is_err());
    assert!(written.len() <= 10);
}

#[test]
fn a_file_too_large_for_memory_can_be_copied() {
    let options = Options { limits: Limits { read_bytes_max: 3, ..Limits::default() }, ..Options::default() };
    let package =
        Package::from_bytes("p", zip(&[ZipEntry::new("a.yaml", ""), ZipEntry::new("b", "four")]), &options)
            .unwrap();
    let error = package.read("b").expect_err("too large");
    assert_eq!(told(&error), "refused package `p`: a file to be read into memory is larger than 3 bytes");
    let mut copied = Vec::new();
    assert_eq!(package.copy("b", &mut copied).unwrap(), 4);
    assert_eq!(copied, b"four");
}

#[test]
fn an_archive_streamed_by_its_maker_is_read() {
    // Sizes after the content instead of before it, as `zip -` and Java write them.
    let content = TOSCA.as_bytes();
    let mut archive = zip(&[ZipEntry::new("service.yaml", content).with(|entry| {
        entry.method = 0;
        entry.flags |= 8;
    })]);
    let mut crc = flate2::Crc::new();
    crc.update(content);
    let mut descriptor = b"PK\x07\x08".to_vec();
    descriptor.extend(crc.sum().to_le_bytes());
    descriptor.extend((content.len() as u32).to_le_bytes());
    descriptor.extend((content.len() as u32).to_le_bytes());
    let at = 30 + "service.yaml".len() + content.len();
    archive[14..26].fill(0);
    archive.splice(at..at, descriptor.iter().copied());
    let end = archive.len() - 22;
    let start = (at + descriptor.len()) as u32;
    archive[end + 16..end + 20].copy_from_slice(&start.to_le_bytes());
    let package = open(archive).unwrap();
    assert_eq!(package.read("service.yaml").unwrap(), content);
}
