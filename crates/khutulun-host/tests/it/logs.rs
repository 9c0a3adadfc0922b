//! Following log files.

use std::{fs, io::Write as _, path::Path};

use khutulun_host::LogTail;

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("a log");
    file.write_all(text.as_bytes()).expect("written");
}

fn next(tail: &mut LogTail) -> (usize, String) {
    let chunks = tail.next_blocking().expect("something");
    (chunks[0].file, String::from_utf8(chunks[0].bytes.clone()).expect("text"))
}

#[test]
fn the_last_lines_are_those_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let cases = [
        ("", 3, ""),
        ("a\nb\nc\n", 2, "b\nc\n"),
        ("a\nb\nc", 2, "b\nc"),
        ("a\nb\n", 2, "a\nb\n"),
        ("a\nb\n", 9, "a\nb\n"),
        ("a\n\n\n", 2, "\n\n"),
        ("a\nb\n", 0, ""),
    ];
    for (text, lines, expected) in cases {
        fs::write(&path, text).expect("a log");
        let mut tail = LogTail::open(&[&path]).expect("open");
        let chunks = tail.read_last(lines).expect("read");
        let actual: String = chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes)).collect();
        assert_eq!(actual, expected, "{lines} of {text:?}");
    }
    let long = "x".repeat(99) + "\n";
    fs::write(&path, long.repeat(10_000)).expect("a log");
    let chunks = LogTail::open(&[&path]).expect("open").read_last(2_000).expect("read");
    assert_eq!(chunks[0].bytes.len(), 200_000);
}

#[test]
fn a_log_is_followed_through_additions_truncation_and_rotation() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, error) = (folder.path().join("stdout.log"), folder.path().join("stderr.log"));
    append(&out, "old\n");
    let mut tail = LogTail::open(&[&out, &error]).expect("open");
    append(&out, "one\n");
    assert_eq!(next(&mut tail), (0, "one\n".to_owned()));
    append(&error, "late\n");
    assert_eq!(next(&mut tail), (1, "late\n".to_owned()));
    fs::OpenOptions::new().write(true).truncate(true).open(&out).expect("truncated");
    append(&out, "2\n");
    assert_eq!(next(&mut tail), (0, "2\n".to_owned()));
    append(&out, "three\n");
    fs::rename(&out, folder.path().join("stdout.log.1")).expect("rotated");
    append(&out, "four\n");
    assert_eq!(next(&mut tail), (0, "three\n".to_owned()));
    assert_eq!(next(&mut tail), (0, "four\n".to_owned()));
    assert_eq!(tail.next_timeout(std::time::Duration::ZERO).expect("nothing"), []);

    let writer = std::thread::spawn({
        let out = out.clone();
        move || append(&out, "five\n")
    });
    assert_eq!(next(&mut tail), (0, "five\n".to_owned()), "woken from its wait");
    writer.join().expect("a writer");
}
