//! HTTP over a unix socket.

use std::{io, thread, time::Duration};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use khutulun_api::{HttpRequest, HttpResponse, MachineError};
use tokio::net::UnixStream;

use crate::files::system;

/// Calls an HTTP server on a unix socket. `entered` is dropped once the request was sent.
pub(crate) fn call<E: Send>(request: &HttpRequest, entered: E) -> Result<HttpResponse, MachineError> {
    // A thread of its own: the caller may be inside a runtime, where another cannot be entered.
    thread::scope(|scope| {
        thread::Builder::new()
            .name("http".to_owned())
            .spawn_scoped(scope, || call_here(request, entered))
            .map_err(system("start a thread"))?
            .join()
            .unwrap_or_else(|_| Err(MachineError::Refused("the HTTP client panicked".to_owned())))
    })
}

fn call_here<E>(request: &HttpRequest, entered: E) -> Result<HttpResponse, MachineError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(system("start an HTTP client"))?;
    let timeout = Duration::from_millis(request.timeout_ms);
    runtime.block_on(async {
        tokio::time::timeout(timeout, exchange(request, entered)).await.unwrap_or_else(|_| {
            Err(MachineError::TimedOut { what: what(request), timeout_ms: request.timeout_ms })
        })
    })
}

fn what(request: &HttpRequest) -> String {
    format!("{} {} on `{}`", request.method, request.path, request.socket.display())
}

async fn exchange<E>(request: &HttpRequest, entered: E) -> Result<HttpResponse, MachineError> {
    let failed = |error: hyper::Error| system(what(request))(io::Error::other(error));
    let stream = UnixStream::connect(&request.socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            MachineError::NotFound { what: format!("socket `{}`", request.socket.display()) }
        }
        _ => system(format!("connect to socket `{}`", request.socket.display()))(error),
    })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let mut built = Request::builder().method(request.method.as_str()).uri(request.path.as_str());
    // HTTP/1.1 wants a host; a socket has none.
    if !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        built = built.header("host", "localhost");
    }
    for (name, value) in &request.headers {
        built = built.header(name.as_str(), value.as_str());
    }
    let built = built
        .body(Full::new(Bytes::from(request.body.clone())))
        .map_err(|error| MachineError::Refused(format!("{} is not HTTP: {error}", what(request))))?;
    let answer = async {
        let response = sender.send_request(built).await.map_err(failed)?;
        let (parts, mut body) = response.into_parts();
        let mut content = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(failed)?;
            let Some(data) = frame.data_ref() else { continue };
            if content.len() + data.len() > request.body_bytes_max {
                return Err(MachineError::TooLarge {
                    what: format!("the answer to {}", what(request)),
                    limit: request.body_bytes_max,
                });
            }
            content.extend_from_slice(data);
        }
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        Ok(HttpResponse { status: parts.status.as_u16(), headers, body: content })
    };
    // The connection does the work of both; when it ends before the answer, the answer has the error.
    tokio::pin!(answer);
    tokio::pin!(connection);
    let mut connected = true;
    let mut entered = Some(entered);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            _ = &mut connection, if connected => connected = false,
            // Both had their turn: the request is on its way.
            () = tokio::task::yield_now(), if entered.is_some() => entered = None,
        }
    }
}
