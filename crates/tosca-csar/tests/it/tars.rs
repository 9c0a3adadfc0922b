//! Tarballs that no honest tool makes.

use tosca_csar::{Error, Exceeded, Limits, Options, Package, Refusal};

use crate::archives::{TOSCA, TarEntry, gzip, open, refusal, tar, tar_open, tar_with, told, zstandard};

/// A package with one more entry is refused for it.
#[track_caller]
fn check(entry: TarEntry<'_>, expected: Refusal) {
    let name = String::from_utf8_lossy(entry.0).into_owned();
    let archive = tar_with(&[entry]);
    for archive in [archive.clone(), gzip(&archive), zstandard(&archive)] {
        assert_eq!(refusal(archive), (name.clone(), expected.clone()));
    }
}

// C354.
#[test]
fn names_that_lead_elsewhere_are_refused() {
    check((b"../evil", b'0', b"", 0o644), Refusal::Traversal);
    check((b"a/../../evil", b'0', b"", 0o644), Refusal::Traversal);
    check((b"/etc/evil", b'0', b"", 0o644), Refusal::Absolute);
    check((b"..\\evil", b'0', b"", 0o644), Refusal::Backslash);
    check((b"c:/evil", b'0', b"", 0o644), Refusal::Drive);
    check((b"a\nb", b'0', b"", 0o644), Refusal::ControlCharacter);
    assert_eq!(refusal(tar_with(&[(b"\xff", b'0', b"", 0o644)])).1, Refusal::NotUtf8);
}

#[test]
fn only_files_and_folders_are_taken() {
    check((b"a", b'1', b"", 0o644), Refusal::HardLink);
    check((b"a", b'2', b"", 0o777), Refusal::SymbolicLink);
    check((b"a", b'3', b"", 0o600), Refusal::Special);
    check((b"a", b'4', b"", 0o600), Refusal::Special);
    check((b"a", b'6', b"", 0o600), Refusal::Special);
    check((b"a", b'S', b"", 0o600), Refusal::Sparse);
    check((b"a", b'V', b"", 0o600), Refusal::UnknownKind(b'V'));
    check((b"a", b'5', b"content", 0o755), Refusal::FolderWithContent);
}

#[test]
fn one_name_is_there_once() {
    check((b"service.yaml", b'0', b"x", 0o644), Refusal::Duplicate);
    check((b"service.yaml", b'5', b"", 0o755), Refusal::FileAndFolder);
    assert_eq!(refusal(tar_with(&[(b"./service.yaml", b'0', b"", 0o644)])).1, Refusal::Duplicate);
    // A folder that is named twice is one folder.
    assert!(open(tar_with(&[(b"a/", b'5', b"", 0o755), (b"./a", b'5', b"", 0o755)])).is_ok());
}

/// A record of a pax header.
fn pax(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..).find(|length| length == &(length.to_string().len() + rest.len())).unwrap();
    format!("{length}{rest}").into_bytes()
}

#[test]
fn long_names_are_read_as_gnu_and_posix_write_them() {
    let long = format!("{}/x.txt", "folder-with-a-long-name/".repeat(10).trim_end_matches('/'));
    let mut gnu = long.clone().into_bytes();
    gnu.push(0);
    let posix = [pax("mtime", "1.5"), pax("SCHILY.xattr.user.a", "two\nlines"), pax("path", &long)].concat();
    for (kind, text) in [(b'L', gnu.as_slice()), (b'x', posix.as_slice())] {
        let package =
            open(tar_with(&[(b"header", kind, text, 0), (b"cut", b'0', b"content", 0o644)])).unwrap();
        assert_eq!(package.read(&long).unwrap(), b"content");
        assert!(package.entry("cut").is_none());
    }
}

#[test]
fn extended_headers_do_not_hide_what_is_refused() {
    let with = |headers: &[TarEntry<'_>], file: TarEntry<'_>| {
        let mut entries = headers.to_vec();
        entries.push(file);
        refusal(tar_with(&entries))
    };
    let file: TarEntry<'_> = (b"file", b'0', b"content", 0o644);
    let path = pax("path", "../evil");
    assert_eq!(with(&[(b"h", b'x', &path, 0)], file), ("../evil".to_owned(), Refusal::Traversal));
    assert_eq!(with(&[(b"h", b'L', b"/evil\0", 0)], file), ("/evil".to_owned(), Refusal::Absolute));
    let size = pax("size", "1");
    assert_eq!(with(&[(b"h", b'x', &size, 0)], file), ("file".to_owned(), Refusal::TwoSizes));
    let sparse = pax("GNU.sparse.name", "other");
    assert_eq!(with(&[(b"h", b'x', &sparse, 0)], file), ("h".to_owned(), Refusal::Sparse));
    let (one, other) = (pax("path", "one"), b"other\0");
    assert_eq!(
        with(&[(b"h", b'x', &one, 0), (b"g", b'L', other, 0)], file),
        ("g".to_owned(), Refusal::TwoNames("one".to_owned()))
    );
    let global = pax("path", "all");
    assert_eq!(with(&[(b"h", b'g', &global, 0)], file).1, Refusal::TwoNames("all".to_owned()));
    assert_eq!(with(&[(b"h", b'x', b"broken", 0)], file).1, Refusal::UnknownKind(b'x'));
    let endless = vec![b'a'; 100_000];
    assert_eq!(with(&[(b"h", b'L', &endless, 0)], file).1, Refusal::NameTooLong(1024));
}

#[test]
fn a_comment_for_all_entries_is_allowed() {
    // What `git archive` writes.
    let comment = pax("comment", "0123456789abcdef");
    assert!(open(tar_with(&[(b"pax_global_header", b'g', &comment, 0), (b"a", b'0', b"", 0)])).is_ok());
}

#[test]
fn extended_headers_come_to_an_end() {
    let header: TarEntry<'_> = (b"h", b'x', b"", 0);
    let error = open(tar_with(&[header; 30])).expect_err("endless");
    assert_eq!(told(&error), "failed to read archive `p`: its extended headers have no end");
    let error = open(tar_with(&[header])).expect_err("nothing follows");
    assert_eq!(told(&error), "failed to read archive `p`: the archive is cut off");
}

#[test]
fn a_cut_tarball_is_no_shorter_package() {
    let whole = tar_with(&[(b"a", b'0', b"content", 0o644)]);
    for length in (0..whole.len() - 512).step_by(64) {
        assert!(open(whole[..length].to_vec()).is_err(), "{length}");
    }
    assert!(open(whole[..whole.len() - 512].to_vec()).is_ok(), "one empty block is an end");
    let cut = tar_open(&[(b"service.yaml", b'0', TOSCA.as_bytes(), 0o644)]);
    assert_eq!(told(&open(cut).expect_err("no end")), "failed to read archive `p`: the archive is cut off");
    let packed = gzip(&whole);
    assert!(matches!(open(packed[..packed.len() - 4].to_vec()), Err(Error::Damaged { .. })));
    let packed = zstandard(&whole);
    assert!(matches!(open(packed[..packed.len() - 6].to_vec()), Err(Error::Damaged { .. })));
}

#[test]
fn damaged_compression_is_found() {
    let mut packed = gzip(&tar_with(&[]));
    let crc = packed.len() - 8;
    packed[crc] ^= 1;
    assert!(matches!(open(packed), Err(Error::Damaged { .. })));
    // A header whose sum is wrong, also behind a right one.
    let mut archive = tar_with(&[(b"a", b'0', b"x", 0o644)]);
    archive[1024] ^= 1;
    assert!(matches!(open(archive), Err(Error::Damaged { .. })));
}

#[test]
fn every_changed_byte_of_a_header_is_survived() {
    let archive = tar_with(&[(b"a/b", b'0', b"content", 0o644)]);
    for position in 0..1536 {
        for value in [0, 0xff, archive[position] ^ 1, archive[position] ^ 0x80] {
            let mut archive = archive.clone();
            archive[position] = value;
            let start = position / 512 * 512;
            if position % 512 < 148 || position % 512 >= 156 {
                let mut header = tar::Header::new_old();
                header.as_mut_bytes().copy_from_slice(&archive[start..start + 512]);
                header.set_cksum();
                archive[start..start + 512].copy_from_slice(header.as_bytes());
            }
            if let Ok(package) = open(archive) {
                package.verify();
            }
        }
    }
}

#[test]
fn sizes_beyond_the_archive_are_refused() {
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(u64::MAX / 2);
    header.set_cksum();
    let mut archive = header.as_bytes().to_vec();
    archive.resize(4096, 0);
    assert_eq!(
        told(&open(archive).expect_err("too large")),
        "failed to read archive `p`: the archive is cut off"
    );
}

// C354, C365.
#[test]
fn bombs_are_refused_while_they_unpack() {
    let exceeded = |bytes: Vec<u8>, limits: Limits| match Package::from_bytes(
        "p",
        bytes,
        &Options { limits, ..Options::default() },
    ) {
        Err(Error::Limit { exceeded, .. }) => exceeded,
        other => panic!("expected a limit, got {other:?}"),
    };
    let zeros = vec![0; 160 << 20];
    let bomb = tar_with(&[(b"zeros", b'0', &zeros, 0o644)]);
    assert_eq!(exceeded(gzip(&bomb), Limits::default()), Exceeded::Ratio(200));
    assert_eq!(exceeded(zstandard(&bomb), Limits::default()), Exceeded::Ratio(200));
    // What is no tarball is not unpacked.
    for other in [gzip(&vec![b'a'; 160 << 20]), zstandard(&vec![0; 160 << 20])] {
        assert!(matches!(open(other), Err(Error::Unrecognized { .. })));
    }
    let names: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    let many: Vec<TarEntry<'_>> = names.iter().map(|name| (name.as_bytes(), b'0', &b""[..], 0o644)).collect();
    assert_eq!(exceeded(tar(&many), Limits { entries_max: 9, ..Limits::default() }), Exceeded::Entries(9));
    assert_eq!(
        exceeded(tar_with(&[]), Limits { unpacked_bytes_max: 9, ..Limits::default() }),
        Exceeded::UnpackedBytes(9)
    );
}
