//! The agent's only listener: HTTP on a unix socket, for the same user and root.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use floria::{Namespace, Store, Value};
use http_body_util::{BodyExt as _, Either, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use khutulun_api::describe_error;
use khutulun_events::{DATA_BYTES_MAX, Emission, EventError, Follow, emit};
use serde_json::json;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time,
};

use crate::{
    agent::{Shared, Stop},
    host::Host,
};

/// The name of the socket in the state directory.
pub const SOCKET: &str = "agent.sock";

/// How many connections there may be; more are closed at once.
pub const CONNECTIONS_MAX: usize = 64;

/// How many of them may follow events: the others stay for short requests.
const FOLLOWERS_MAX: usize = 32;

/// The largest body of a request, in bytes: as JSON, what an event can hold.
pub const BODY_BYTES_MAX: usize = 2 * DATA_BYTES_MAX;

/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long a request's head, and then its body, may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);

/// The longest path of a socket, in bytes: `sun_path` of unix(7), with a zero byte.
const PATH_BYTES_MAX: usize = 107;

/// Listens at the socket of a state directory. Only the agent does, so what is there is left over from one that was killed.
pub(crate) fn listen(state: &Path) -> io::Result<UnixListener> {
    let new = format!("{SOCKET}.new");
    let path = state.join(&new);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let (short, _folder) = reachable(state, &new)?;
    let listener = UnixListener::bind(short)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    // Under its name it is there with its mode, or not at all.
    fs::rename(&path, state.join(SOCKET))?;
    Ok(listener)
}

/// Removes the socket.
pub(crate) fn remove(state: &Path) {
    let _ = fs::remove_file(state.join(SOCKET));
}

/// Returns a path that is short enough for a socket, and what it leads through.
pub(crate) fn reachable(state: &Path, name: &str) -> io::Result<(PathBuf, Option<fs::File>)> {
    let path = state.join(name);
    if path.as_os_str().len() <= PATH_BYTES_MAX {
        return Ok((path, None));
    }
    let folder = fs::File::open(state)?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&folder);
    Ok((PathBuf::from(format!("/proc/self/fd/{number}/{name}")), Some(folder)))
}

/// Serves until somebody ends it.
pub(crate) async fn serve(listener: UnixListener, shared: Arc<Shared>, stop: Stop) {
    let own = rustix::process::geteuid().as_raw();
    let limits = Limits {
        connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = stop.wait() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                shared.host.note(&format!("failed to accept at the socket: {error}"));
                // There are too many open files, most likely: not at once again.
                time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Some(peer) = Peer::of(&stream, own, &*shared.host) else { continue };
        let Ok(permit) = Arc::clone(&limits.connections).try_acquire_owned() else { continue };
        connections.spawn(converse(stream, peer, Arc::clone(&shared), limits.clone(), stop.clone(), permit));
    }
    // Whoever follows is cut off; whoever asked has the answer.
    while connections.join_next().await.is_some() {}
}

#[derive(Clone)]
struct Limits {
    connections: Arc<Semaphore>,
    followers: Arc<Semaphore>,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
struct Peer {
    user: u32,
    pid: Option<i32>,
}

impl Peer {
    /// Returns who it is, if it may speak: the same user, or root.
    fn of(stream: &UnixStream, own: u32, host: &dyn Host) -> Option<Self> {
        let credentials = stream.peer_cred();
        let peer = match &credentials {
            Ok(credentials) => Self { user: credentials.uid(), pid: credentials.pid() },
            Err(error) => {
                host.note(&format!("refused somebody at the socket whom the kernel does not name: {error}"));
                return None;
            }
        };
        if peer.may_speak(own) {
            return Some(peer);
        }
        host.note(&format!("refused user {} at the socket, pid {}", peer.user, peer.pid.unwrap_or(0)));
        None
    }

    fn may_speak(self, own: u32) -> bool {
        self.user == own || self.user == 0
    }

    fn author(self) -> String {
        format!("uid {} pid {}", self.user, self.pid.unwrap_or(0))
    }
}

type Answer = Response<Either<Full<Bytes>, Events>>;

async fn converse(
    stream: UnixStream,
    peer: Peer,
    shared: Arc<Shared>,
    limits: Limits,
    stop: Stop,
    _permit: OwnedSemaphorePermit,
) {
    let service = service_fn(|request| {
        let (shared, limits) = (Arc::clone(&shared), limits.clone());
        async move { Ok::<_, Infallible>(answer(request, peer, shared, &limits).await) }
    });
    // One request each: who is silent holds no connection.
    let connection = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(64)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // Who broke off, or does not speak HTTP, gets nothing more.
        _ = &mut connection => {}
        () = stop.wait() => {
            // What is short is finished.
            let _ = time::timeout(Duration::from_millis(100), connection).await;
        }
    }
}

async fn answer(request: Request<Incoming>, peer: Peer, shared: Arc<Shared>, limits: &Limits) -> Answer {
    let path = request.uri().path().to_owned();
    match (request.method(), path.as_str()) {
        (&Method::GET, "/status") => match serde_json::to_value(shared.status()) {
            Ok(status) => document(StatusCode::OK, &status),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        (&Method::GET, "/events") => events(&request, shared, limits).await,
        (&Method::POST, path) if path.strip_prefix("/events/").is_some_and(|name| !name.is_empty()) => {
            let name = path.strip_prefix("/events/").unwrap_or_default().to_owned();
            webhook(request, &name, peer, shared).await
        }
        (_, path) if path == "/status" || path == "/events" || path.starts_with("/events/") => {
            problem(StatusCode::METHOD_NOT_ALLOWED, "GET /status, GET /events, POST /events/NAME")
        }
        _ => problem(StatusCode::NOT_FOUND, "there are /status, /events and /events/NAME"),
    }
}

fn document(status: StatusCode, document: &serde_json::Value) -> Answer {
    with_body(status, "application/json", Either::Left(Full::new(Bytes::from(format!("{document}\n")))))
}

fn problem(status: StatusCode, why: &str) -> Answer {
    document(status, &json!({ "schema": "khutulun.problem/1", "why": why }))
}

fn with_body(status: StatusCode, kind: &'static str, body: Either<Full<Bytes>, Events>) -> Answer {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static(kind));
    response
}

/// The parameters of a query: `a=b&c=d`, with `%XX` and `+` taken back.
fn parameters(query: Option<&str>) -> Result<BTreeMap<String, String>, String> {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((unescape(name)?, unescape(value)?))
        })
        .collect()
}

fn unescape(text: &str) -> Result<String, String> {
    let refused = || format!("`{}` is not as URLs are written", text.escape_debug());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit().ok_or_else(refused)?, digit().ok_or_else(refused)?);
                u8::try_from(high * 16 + low).map_err(|_| refused())?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| refused())
}

/// `POST /events/NAME`: something happened outside; the body is a JSON object with what comes with it.
async fn webhook(request: Request<Incoming>, name: &str, peer: Peer, shared: Arc<Shared>) -> Answer {
    let bad = |why: &str| problem(StatusCode::BAD_REQUEST, why);
    let name = match unescape(name) {
        Ok(name) => name,
        Err(why) => return bad(&why),
    };
    let parameters = match parameters(request.uri().query()) {
        Ok(parameters) => parameters,
        Err(why) => return bad(&why),
    };
    if let Some(unknown) = parameters.keys().find(|name| name.as_str() != "service") {
        return bad(&format!("there is no parameter `{unknown}`; there is `service`"));
    }
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    let body = match time::timeout(ARRIVAL_MAX, body).await {
        Err(_) => return problem(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let why = format!("the body is larger than {BODY_BYTES_MAX} bytes");
            return problem(StatusCode::PAYLOAD_TOO_LARGE, &why);
        }
        Ok(Err(_)) => return bad("the body cannot be read"),
        Ok(Ok(body)) => body.to_bytes(),
    };
    let data: BTreeMap<String, Value> = if body.iter().all(u8::is_ascii_whitespace) {
        BTreeMap::new()
    } else {
        match serde_json::from_slice(&body) {
            Ok(data) => data,
            Err(error) => return bad(&format!("the body is not a JSON object: {error}")),
        }
    };
    let service = Namespace(parameters.get("service").cloned().unwrap_or_default());
    let emission =
        Emission { service, site: None, name: format!("webhook.{name}"), data, author: Some(peer.author()) };
    let told = tokio::task::spawn_blocking(move || {
        let Shared { store, functions, .. } = &*shared;
        if !emission.service.0.is_empty() {
            let known = store
                .namespaces()
                .map_err(|source| EventError::Store { attempt: "look for the service", source })?;
            if !known.contains(&emission.service) {
                return Err(EventError::Gone { name: emission.name });
            }
        }
        emit(store, &**functions, &emission)
    });
    match told.await {
        Ok(Ok(cursor)) => {
            let document_of = json!({ "schema": "khutulun.emitted/1", "name": format!("webhook.{name}"), "cursor": cursor });
            document(StatusCode::CREATED, &document_of)
        }
        Ok(Err(error)) => {
            let status = match error {
                EventError::Gone { .. } => StatusCode::NOT_FOUND,
                EventError::Engine(_) | EventError::Store { .. } => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::BAD_REQUEST,
            };
            problem(status, &describe_error(&error))
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// `GET /events?since=CURSOR`: events after a cursor, as lines of JSON, for as long as somebody reads. Without one, those from now.
async fn events(request: &Request<Incoming>, shared: Arc<Shared>, limits: &Limits) -> Answer {
    let bad = |why: &str| problem(StatusCode::BAD_REQUEST, why);
    let parameters = match parameters(request.uri().query()) {
        Ok(parameters) => parameters,
        Err(why) => return bad(&why),
    };
    if let Some(unknown) = parameters.keys().find(|name| name.as_str() != "since") {
        return bad(&format!("there is no parameter `{unknown}`; there is `since`"));
    }
    let since = match parameters.get("since").map(|since| since.parse::<u64>()) {
        None => None,
        Some(Ok(since)) => Some(since),
        Some(Err(_)) => return bad("`since` is not a cursor"),
    };
    let Ok(permit) = Arc::clone(&limits.followers).try_acquire_owned() else {
        return problem(StatusCode::SERVICE_UNAVAILABLE, "too many follow events");
    };
    let (store, host) = (Arc::clone(&shared.store), Arc::clone(&shared.host));
    let begun = tokio::task::spawn_blocking(move || {
        let since = match since {
            Some(since) => {
                // Who asks for what the log has not reached hears of it now.
                khutulun_events::read(&*store, since, 1)?;
                since
            }
            None => khutulun_events::end(&*store)?,
        };
        Follow::new(store, since)
    });
    match begun.await {
        Ok(Ok(follow)) => with_body(
            StatusCode::OK,
            "application/jsonl",
            Either::Right(Events { follow, host, _permit: permit }),
        ),
        Ok(Err(error @ EventError::Future { .. })) => bad(&error.to_string()),
        Ok(Err(error)) => problem(StatusCode::SERVICE_UNAVAILABLE, &describe_error(&error)),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// Events as they come. They are read when somebody takes them: one who does not, costs nothing but the connection.
struct Events {
    follow: Follow<Arc<dyn Store>>,
    host: Arc<dyn Host>,
    _permit: OwnedSemaphorePermit,
}

impl Body for Events {
    type Data = Bytes;
    type Error = EventError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, EventError>>> {
        self.follow.poll_next(context).map(|events| {
            let lines = events.map(|events| {
                let lines: String =
                    events.iter().map(|event| format!("{}\n", self.host.document(event))).collect();
                Frame::data(Bytes::from(lines))
            });
            Some(lines)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_user_and_root_may_speak() {
        let may = |user, own| Peer { user, pid: None }.may_speak(own);
        assert!(may(1000, 1000) && may(0, 1000) && may(0, 0));
        assert!(!may(1001, 1000) && !may(1000, 0) && !may(u32::MAX, 0));
    }

    #[test]
    fn what_is_escaped_is_taken_back() {
        assert_eq!(unescape("a%20b+c%C3%A4"), Ok("a b cä".to_owned()));
        for text in ["%", "%2", "%zz", "%ff", "%+1"] {
            assert!(unescape(text).is_err(), "{text}");
        }
        let expected = BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        assert_eq!(parameters(Some("a=1&&b")), Ok(expected));
    }
}
