//! Files from the network, which here is a server of the test's own on the loopback interface.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use tosca::{HttpLimits, Locator, MemorySources, SourceError, Sources, WithHttp, compile};

/// Serves answers by their paths until the test's process ends; None is silence. Returns the address.
fn serve(answers: impl IntoIterator<Item = (&'static str, Option<String>)>) -> String {
    let answers: HashMap<&str, Option<String>> = answers.into_iter().collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut request = String::new();
            let _ = reader.read_line(&mut request);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                line.clear();
            }
            let path = request.split(' ').nth(1).unwrap_or_default();
            match answers.get(path) {
                // The connection stays open, and nothing comes.
                Some(None) => silent.push(reader),
                Some(Some(answer)) => _ = reader.get_mut().write_all(answer.as_bytes()),
                None => _ = reader.get_mut().write_all(answer("404 Not Found", "", "").as_bytes()),
            }
        }
    });
    address
}

fn answer(status: &str, header: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{header}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn found(body: &str) -> Option<String> {
    Some(answer("200 OK", "", body))
}

fn moved(location: &str) -> Option<String> {
    Some(answer("302 Found", &format!("location: {location}\r\n"), ""))
}

const VERSION: &str = "tosca_definitions_version: tosca_2_0\n";

#[test]
fn imports_by_url_are_fetched_with_what_they_import() {
    let address = serve([
        ("/types/all.yaml", found(&format!("{VERSION}imports: [ more/base.yaml, ../old.yaml ]\n"))),
        ("/types/more/base.yaml", found(&format!("{VERSION}node_types: {{ Base: {{}} }}\n"))),
        ("/old.yaml", moved("/new.yaml")),
        (
            "/new.yaml",
            found(&format!(
                "{VERSION}node_types: {{ New: {{ derived_from: Base }} }}\nimports: [ types/more/base.yaml ]\n"
            )),
        ),
    ]);
    let service = format!(
        "{VERSION}imports: [ '{address}/types/all.yaml' ]\nservice_template: {{ node_templates: {{ n: {{ type: New }} }} }}\n"
    );
    let repository = format!(
        "{VERSION}repositories: {{ r: '{address}/types' }}\nimports: [ {{ url: more/base.yaml, repository: r }} ]\n\
         service_template: {{ node_templates: {{ n: {{ type: Base }} }} }}\n"
    );
    let files = MemorySources::new().with("service.yaml", service).with("repository.yaml", repository);
    let sources = WithHttp::direct(files, HttpLimits::default());
    let compilation = compile("service.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics);
    let locators: Vec<&str> = compilation.files.iter().map(|file| file.locator.as_str()).collect();
    assert_eq!(locators[1], format!("{address}/types/all.yaml"));
    assert_eq!(locators.len(), 4, "each once: {locators:?}");
    let compilation = compile("repository.yaml", &sources);
    assert!(compilation.diagnostics.is_empty(), "{:?}", compilation.diagnostics);
}

#[test]
fn what_cannot_be_fetched_is_said() {
    let chunked = "HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    let address = serve([
        ("/silent", None),
        ("/large", found(&"x".repeat(5000))),
        ("/endless", Some(format!("{chunked}{}0\r\n\r\n", chunk.repeat(5)))),
        ("/circle", moved("circle")),
        ("/machine", moved("file:///etc/passwd")),
        ("/nowhere", Some(answer("302 Found", "", ""))),
        ("/broken", Some(answer("500 Internal Server Error", "", "no"))),
        ("/nonsense", Some("this is no HTTP\r\n\r\n".to_owned())),
        ("/cut", Some("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nshort".to_owned())),
    ]);
    let limits = HttpLimits { bytes_max: 4000, request_ms_max: 60_000, redirects_max: 2 };
    let read = |path: &str, limits| {
        let sources = WithHttp::direct(MemorySources::new(), limits);
        sources.read(&Locator::new(format!("{address}{path}"))).map_err(|error| error.to_string())
    };
    assert_eq!(read("/absent", limits), Err(SourceError::NotFound.to_string()));
    for path in ["/large", "/endless"] {
        assert_eq!(read(path, limits), Err("it is larger than 4000 bytes".to_owned()), "{path}");
    }
    assert_eq!(read("/circle", limits), Err("it is redirected more than 2 times".to_owned()));
    assert_eq!(read("/machine", limits), Err("it is redirected to `file:///etc/passwd`".to_owned()));
    assert!(read("/nowhere", limits).is_err_and(|why| why.contains("without saying where")));
    assert!(read("/broken", limits).is_err_and(|why| why.contains("500")));
    for path in ["/nonsense", "/cut"] {
        assert!(read(path, limits).is_err(), "{path}");
    }
    let hasty = HttpLimits { request_ms_max: 50, ..limits };
    assert_eq!(read("/silent", hasty), Err("the server takes too long".to_owned()));
}
