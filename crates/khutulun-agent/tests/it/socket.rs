//! The socket: what it answers, and to whom, and what it does not let itself be talked into.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
};

use khutulun_agent::{AskError, BODY_BYTES_MAX, CONNECTIONS_MAX, SOCKET, ask};

use crate::support::{AtWork, Place, code, eventually, is_there};

#[test]
fn it_says_how_it_is_and_is_gone_when_the_agent_is() {
    let place = Place::new();
    let socket = place.state.root().join(SOCKET);
    assert!(matches!(ask(place.state.root()), Err(AskError::None)));
    let agent = place.agent();
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let status = agent.status();
    assert_eq!((status.pid, status.schema.as_str()), (std::process::id(), "khutulun.agent/1"));
    agent.end();
    assert!(!is_there(&socket));
    // One that was killed leaves its socket.
    fs::write(&socket, "").unwrap();
    assert!(matches!(ask(place.state.root()), Err(AskError::None | AskError::System(_))));
    assert_eq!(place.agent().status().pid, std::process::id());
}

#[test]
fn what_is_posted_becomes_an_event() {
    let place = Place::new();
    let agent = place.agent();
    let answer = agent.post("/events/deployed?service=shop", br#"{ "version": 7, "by": "ci" }"#);
    assert_eq!(code(&answer), "201", "{answer}");
    let event = agent.event("webhook.deployed");
    assert_eq!(event.service.0, "shop");
    assert_eq!(event.data["version"], floria::Value::Integer(7));
    let author = event.author.unwrap();
    assert!(
        author.starts_with("uid ") && author.ends_with(&format!("pid {}", std::process::id())),
        "{author}"
    );
    // For all services, and without anything that comes with it.
    assert_eq!(code(&agent.post("/events/all", b"")), "201");
}

#[test]
fn what_is_wrong_is_refused_with_a_reason() {
    let place = Place::new();
    let agent = place.agent();
    let deep = [b'['; 100_000];
    let large = vec![b' '; BODY_BYTES_MAX + 1];
    let cases: [(&str, &[u8], &str); 9] = [
        ("/events/a?service=nobody", b"", "404"),
        ("/events/a?node=web", b"", "400"),
        ("/events/a%20b", b"", "400"),
        ("/events/%zz", b"", "400"),
        ("/events/a", b"nonsense", "400"),
        ("/events/a", b"[1]", "400"),
        ("/events/a", &deep, "400"),
        ("/events/a", &large, "413"),
        ("/status", b"", "405"),
    ];
    for (path, body, expected) in cases {
        let answer = agent.post(path, body);
        assert_eq!(code(&answer), expected, "{path}: {answer}");
    }
    for (path, expected) in
        [("/", "404"), ("/events?since=99999", "400"), ("/events?since=x", "400"), ("/events/../x", "405")]
    {
        let answer = agent.get(path);
        assert_eq!(code(&answer), expected, "{path}: {answer}");
    }
    let nested = format!("{}1{}", r#"{"a":"#.repeat(120), "}".repeat(120));
    let answer = agent.post("/events/a", nested.as_bytes());
    assert!(["201", "400", "503"].contains(&code(&answer)), "{answer}");
    assert_eq!(agent.status().pid, std::process::id());
}

#[test]
fn what_is_no_http_harms_nobody() {
    let place = Place::new();
    let agent = place.agent();
    let head = format!("GET /status HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let many = format!("GET /status HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1000));
    let smuggled = "POST /events/a HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 5\r\n\r\n{ }";
    for nonsense in [
        &b"\0\xff\xfe\x00nonsense\r\n\r\n"[..],
        b"GET\r\n\r\n",
        head.as_bytes(),
        many.as_bytes(),
        smuggled.as_bytes(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = agent.send(nonsense);
        assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    assert_eq!(agent.names(), [""; 0]);
    assert_eq!(agent.status().pid, std::process::id());
}

#[test]
fn too_many_at_once_are_closed_and_room_comes_back() {
    let place = Place::new();
    let agent = place.agent();
    let silent: Vec<_> = (0..CONNECTIONS_MAX).map(|_| agent.connect()).collect();
    // Connections are accepted in order, so all of those have been by now, or are before this one.
    let mut one_more = agent.connect();
    let mut nothing = Vec::new();
    let _ = one_more.read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
    drop(silent);
    eventually("there is room again", || ask(place.state.root()).is_ok());
    // A status can be asked for however many follow events.
    let following: Vec<_> = (0..CONNECTIONS_MAX / 2).map(|_| follow(&agent, "")).collect();
    assert_eq!(code(&agent.get("/events")), "503");
    assert_eq!(agent.status().pid, std::process::id());
    drop(following);
}

/// Follows events; the head of the answer was read.
fn follow(agent: &AtWork, query: &str) -> BufReader<std::os::unix::net::UnixStream> {
    let mut stream = agent.connect();
    stream.write_all(format!("GET /events{query} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert_eq!(code(&line), "200", "{line}");
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    reader
}

#[test]
fn events_are_followed_as_lines_from_any_cursor() {
    let place = Place::new();
    let agent = place.agent();
    assert_eq!(code(&agent.post("/events/one", b"")), "201");
    let mut all = follow(&agent, "?since=0");
    let mut later = follow(&agent, "");
    assert_eq!(code(&agent.post("/events/two", b"")), "201");
    let next = |reader: &mut BufReader<std::os::unix::net::UnixStream>| -> String {
        loop {
            let mut line = String::new();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "the stream ended");
            if let Ok(document) = serde_json::from_str::<serde_json::Value>(&line)
                && document.is_object()
            {
                return document["name"].as_str().unwrap().to_owned();
            }
        }
    };
    assert_eq!(next(&mut all), "webhook.one");
    assert_eq!(next(&mut all), "webhook.two");
    assert_eq!(next(&mut later), "webhook.two");
    // The agent ends also while somebody follows.
    agent.end();
}
