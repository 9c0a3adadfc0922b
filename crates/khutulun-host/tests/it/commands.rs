//! Commands, files and HTTP.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    thread,
};

use khutulun_api::{CommandRequest, HttpRequest, Machine as _};

use crate::support::{Sandbox, eventually, family};

fn shell(script: &str) -> CommandRequest {
    CommandRequest {
        program: "sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        timeout_ms: 300_000,
        output_bytes_max: 1 << 20,
        ..CommandRequest::default()
    }
}

#[test]
fn a_command_gets_its_input_and_gives_its_outputs_and_code() {
    let sandbox = Sandbox::new();
    let mut request = shell("cat; echo \"$COLOUR\" >&2; pwd; exit 3");
    request.environment.insert("COLOUR".to_owned(), "green".to_owned());
    request.input = b"in\n".to_vec();
    let result = sandbox.machine.run_command(&request).expect("it ran");
    assert_eq!((result.exit_code, result.signal), (Some(3), None));
    assert_eq!(String::from_utf8_lossy(&result.stdout), format!("in\n{}\n", sandbox.root().display()));
    assert_eq!(result.stderr, b"green\n");
    let result = sandbox.machine.run_command(&shell("kill -9 $$")).expect("it ran");
    assert_eq!((result.exit_code, result.signal), (None, Some(9)));
}

#[test]
fn no_shell_sees_an_argument() {
    let sandbox = Sandbox::new();
    let request = CommandRequest {
        program: "printf".to_owned(),
        arguments: vec!["%s".to_owned(), "$(id) `id` ; id".to_owned()],
        ..shell("")
    };
    let result = sandbox.machine.run_command(&request).expect("it ran");
    assert_eq!(result.stdout, b"$(id) `id` ; id");
}

#[test]
fn large_input_and_output_do_not_wait_for_each_other() {
    let sandbox = Sandbox::new();
    let mut request = shell("tee /dev/stderr");
    request.input = vec![b'x'; 3 << 20];
    let result = sandbox.machine.run_command(&request).expect("it ran");
    assert_eq!((result.stdout.len(), result.stderr.len()), (1 << 20, 1 << 20), "bounded");
    let mut request = shell("exec true");
    request.input = vec![b'x'; 3 << 20];
    let result = sandbox.machine.run_command(&request).expect("input that nobody reads is no error");
    assert_eq!(result.exit_code, Some(0));
}

#[test]
fn a_command_and_its_children_are_killed_when_the_time_is_over() {
    let sandbox = Sandbox::new();
    let mut request = shell("trap '' TERM; sleep 1001 & sleep 1002");
    request.timeout_ms = 100;
    let entry = format!("MARK={}", sandbox.root().display());
    request.environment.insert("MARK".to_owned(), sandbox.root().display().to_string());
    let error = sandbox.machine.run_command(&request).expect_err("too long").to_string();
    assert_eq!(error, "program `sh` took longer than 100 ms");
    eventually("the children's end", || family(&entry).is_empty());
}

#[test]
fn a_daemon_that_holds_the_output_does_not_hold_the_command() {
    let sandbox = Sandbox::new();
    let mut request = shell("echo out; sleep 1001 & echo $!");
    request.timeout_ms = 600_000;
    let result = sandbox.machine.run_command(&request).expect("it ran");
    let text = String::from_utf8(result.stdout).expect("text");
    let pid = text.strip_prefix("out\n").expect("its output").trim();
    crate::support::signal("KILL", pid.parse().expect("a pid"));
}

#[test]
fn what_is_not_there_is_named() {
    let sandbox = Sandbox::new();
    let check = |change: &dyn Fn(&mut CommandRequest), expected: &str| {
        let mut request = shell("true");
        change(&mut request);
        assert_eq!(sandbox.machine.run_command(&request).expect_err(expected).to_string(), expected);
    };
    check(&|request| request.program = "no-such".to_owned(), "program `no-such` was not found");
    check(
        &|request| request.directory = Some("/no/such".into()),
        "working directory `/no/such` was not found",
    );
}

#[test]
fn files_are_written_whole_and_read_within_bounds() {
    let sandbox = Sandbox::new();
    let machine = &sandbox.machine;
    let path = sandbox.root().join("a/b/c.txt");
    machine.write_file(&path, b"one", 0o640).expect("written");
    machine.write_file(&path, b"three", 0o604).expect("replaced");
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o604);
    assert_eq!(machine.read_file(&path, 5).expect("read"), b"three");
    let error = machine.read_file(&path, 4).expect_err("too large").to_string();
    assert_eq!(error, format!("file `{}` is larger than 4 bytes", path.display()));
    assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("a folder").count(), 1, "no traces");
    machine.remove_file(&path).expect("removed");
    machine.remove_file(&path).expect("one that is not there is fine");
    let error = machine.read_file(&path, 4).expect_err("not there").to_string();
    assert_eq!(error, format!("`{}` was not found", path.display()));
    assert!(machine.read_file(sandbox.root(), 4).is_err(), "a folder is not a file");
}

/// Answers one request with these bytes, and returns what was asked.
fn serve(listener: UnixListener, answer: Vec<u8>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut asked = Vec::new();
        let mut buffer = [0; 4096];
        while !asked.windows(4).any(|window| window == b"\r\n\r\n") {
            let count = stream.read(&mut buffer).expect("a request");
            if count == 0 {
                // Its time was over before it had asked.
                break;
            }
            asked.extend_from_slice(&buffer[..count]);
        }
        let _ = stream.write_all(&answer);
        if answer.is_empty() {
            // Says nothing until the client goes away.
            let _ = stream.read(&mut buffer);
        }
        String::from_utf8_lossy(&asked).into_owned()
    })
}

#[test]
fn http_over_a_socket_is_bounded_in_time_and_size() {
    let sandbox = Sandbox::new();
    let socket = sandbox.root().join("socket");
    let request = HttpRequest {
        socket: socket.clone(),
        method: "POST".to_owned(),
        path: "/v1/things?all=1".to_owned(),
        headers: vec![("X-Colour".to_owned(), "green".to_owned())],
        body: b"{}".to_vec(),
        timeout_ms: 300_000,
        body_bytes_max: 10,
    };
    let error = sandbox.machine.http(&request).expect_err("no socket").to_string();
    assert_eq!(error, format!("socket `{}` was not found", socket.display()));

    let call = |request: &HttpRequest, answer: &[u8]| {
        let _ = fs::remove_file(&socket);
        let server = serve(UnixListener::bind(&socket).expect("a socket"), answer.to_vec());
        let result = sandbox.machine.http(request);
        (result, server.join().expect("a server"))
    };
    let chunked = b"HTTP/1.1 201 Created\r\nX-Shape: round\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (result, asked) = call(&request, chunked);
    let response = result.expect("an answer");
    assert_eq!((response.status, response.body.as_slice()), (201, b"abcde".as_slice()));
    assert!(response.headers.contains(&("x-shape".to_owned(), "round".to_owned())));
    assert!(asked.starts_with("POST /v1/things?all=1 HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("x-colour: green\r\n") && asked.contains("content-length: 2\r\n"), "{asked}");

    let (result, _) = call(&request, b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world");
    assert!(result.expect_err("too large").to_string().ends_with("is larger than 10 bytes"));
    let (result, _) = call(&request, b"nonsense\r\n\r\n");
    assert!(result.expect_err("not HTTP").to_string().starts_with("failed to POST /v1/things?all=1"));
    let hasty = HttpRequest { timeout_ms: 100, ..request };
    let (result, _) = call(&hasty, b"");
    assert!(result.expect_err("too slow").to_string().ends_with("took longer than 100 ms"));
}
