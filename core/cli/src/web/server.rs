//! A web server of a few fixed files, for browsers of this machine.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::error::CliError;

/// Most bytes of a request's head.
const LONGEST_HEAD: u64 = 16 << 10;
/// How long a browser may keep silent.
const PATIENCE: Duration = Duration::from_secs(30);
/// The page speaks to no other host than where the user has it fetch a checkpoint from.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; \
    connect-src 'self' https:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How a file may lie beside itself: what it is called in HTTP, the ending of its name, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The files of a folder, by name.
#[derive(Debug)]
pub(super) struct Site {
    files: BTreeMap<String, PathBuf>,
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    /// `GET` or `HEAD`, mostly.
    method: String,
    /// Without what follows a question mark.
    path: String,
    /// To whom it is addressed.
    host: String,
    /// The encodings that are taken, as the browser lists them.
    accepted: String,
}

/// What is answered.
enum Answer {
    /// A file, and what it is encoded as, if it is.
    File(PathBuf, Option<&'static str>),
    /// A status with its name.
    Refusal(&'static str),
}

impl Site {
    /// The files right in a folder, among which have to be those that are needed.
    ///
    /// # Errors
    /// If the folder cannot be read, or lacks one.
    pub(super) fn read(folder: &Path, needed: &[&str]) -> Result<Self, CliError> {
        let entries = std::fs::read_dir(folder).map_err(|error| CliError::unreadable(folder, &error))?;
        let files: BTreeMap<String, PathBuf> = entries
            .flatten()
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
            .collect();
        if let Some(missing) = needed.iter().find(|name| !files.contains_key(**name)) {
            return Err(CliError::new(
                format_args!("{}: holds no page of SpanBERT Studio: {missing} is missing", folder.display()),
                "give the folder that `bash .ci/web/build.sh DIR --app` has written",
            ));
        }
        Ok(Self { files })
    }

    /// Answers requests until the process ends, each on a thread of its own.
    ///
    /// # Errors
    /// If the system has no more threads.
    pub(super) fn serve(self, listener: &TcpListener) -> Result<(), CliError> {
        let site = Arc::new(self);
        let port = listener.local_addr().map_or(0, |address| address.port());
        for stream in listener.incoming() {
            // A browser that has gone meanwhile.
            let Ok(stream) = stream else { continue };
            let site = Arc::clone(&site);
            // What becomes of one connection is the browser's business: it asks again.
            let work = move || drop(site.answer(&stream, port));
            let thread = std::thread::Builder::new().name("request".to_owned()).spawn(work);
            thread.map_err(|error| CliError::system("a request cannot be answered", &error))?;
        }
        Ok(())
    }

    fn answer(&self, mut stream: &TcpStream, port: u16) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let head = BufReader::new(stream.take(LONGEST_HEAD));
        let Some(request) = Request::read(head)? else {
            return refuse(stream, "400 Bad Request");
        };
        let (path, encoding) = match self.find(&request, port) {
            Answer::Refusal(status) => return refuse(stream, status),
            Answer::File(path, encoding) => (path, encoding),
        };
        let mut file = File::open(&path)?;
        let length = file.metadata()?.len();
        // A file in another encoding is of the kind that it has without.
        let kind = kind(&encoding.map_or_else(|| path.clone(), |_| path.with_extension("")));
        let encoding = encoding.map_or_else(String::new, |name| format!("Content-Encoding: {name}\r\n"));
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\
             {encoding}Vary: Accept-Encoding\r\nCache-Control: no-cache\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Content-Security-Policy: {POLICY}\r\n\r\n"
        )?;
        if request.method == "GET" {
            io::copy(&mut file, &mut stream)?;
        }
        stream.flush()
    }

    fn find(&self, request: &Request, port: u16) -> Answer {
        // Another name for this machine may be one that a page elsewhere has made lead here.
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        if !hosts.contains(&request.host) {
            return Answer::Refusal("421 Misdirected Request");
        }
        if !matches!(request.method.as_str(), "GET" | "HEAD") {
            return Answer::Refusal("405 Method Not Allowed");
        }
        let name = if request.path == "/" { "index.html" } else { request.path.trim_start_matches('/') };
        // Names of the list only: nothing that leads out of the folder is one.
        let Some(path) = self.files.get(name) else { return Answer::Refusal("404 Not Found") };
        let packed = ENCODINGS.iter().find_map(|(encoding, ending)| {
            let packed = self.files.get(&format!("{name}{ending}"))?;
            (request.accepts(encoding) && is_newer(packed, path)).then_some((packed, *encoding))
        });
        match packed {
            Some((packed, encoding)) => Answer::File(packed.clone(), Some(encoding)),
            None => Answer::File(path.clone(), None),
        }
    }
}

impl Request {
    /// Reads a request's head; nothing if it is none.
    fn read(head: impl BufRead) -> io::Result<Option<Self>> {
        let mut lines = head.lines();
        let Some(first) = lines.next().transpose()? else { return Ok(None) };
        let parts: Vec<&str> = first.split(' ').collect();
        let [method, target, version] = parts.as_slice() else { return Ok(None) };
        if !version.starts_with("HTTP/1.") {
            return Ok(None);
        }
        let (method, path) = ((*method).to_owned(), target.split(['?', '#']).next().unwrap_or_default());
        let (mut host, mut accepted) = (String::new(), String::new());
        for line in lines {
            let line = line?;
            if line.is_empty() {
                return Ok(Some(Self { method, path: path.to_owned(), host, accepted }));
            }
            match line.split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("host") => {
                    value.trim().clone_into(&mut host);
                }
                Some((name, value)) if name.eq_ignore_ascii_case("accept-encoding") => {
                    value.trim().clone_into(&mut accepted);
                }
                _ => {}
            }
        }
        // It was cut off, or is longer than any browser's.
        Ok(None)
    }

    /// Whether an encoding is listed, and not refused by a weight of 0 (RFC 9110, section 12.5.3).
    fn accepts(&self, encoding: &str) -> bool {
        self.accepted.split(',').any(|listed| {
            let (name, weight) = listed.split_once(';').unwrap_or((listed, ""));
            let weight =
                weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
            name.trim().eq_ignore_ascii_case(encoding) && weight.is_none_or(|weight| weight > 0.0)
        })
    }
}

/// Whether a file is as new as the one that it was made of, so that it holds the same.
fn is_newer(packed: &Path, original: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    changed(packed) >= changed(original)
}

fn refuse(mut stream: &TcpStream, status: &str) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    stream.flush()
}

/// What browsers go by, since they may not guess.
fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// A folder with a page, served until the test's process ends.
    fn served() -> (tempfile::TempDir, u16) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("index.html"), "<p>page").unwrap();
        std::fs::write(folder.path().join("a.wasm"), [0, 1, 2]).unwrap();
        std::fs::write(folder.path().join("a.wasm.br"), "by Brotli").unwrap();
        std::fs::write(folder.path().join("a.wasm.gz"), "by gzip").unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        std::fs::write(folder.path().join("inner/secret"), "secret").unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let site = Site::read(folder.path(), &["index.html"]).unwrap();
        std::thread::spawn(move || site.serve(&listener));
        (folder, port)
    }

    fn ask(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The server may have closed while there was more to come.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[test]
    fn files_are_served_with_what_browsers_go_by() {
        let (_folder, port) = served();
        let page = ask(port, &format!("GET /?x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("text/html") && page.ends_with("<p>page"),
            "{page}"
        );
        assert!(
            page.contains("Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm"),
            "{page}"
        );
        let module = ask(port, &format!("GET /a.wasm HTTP/1.1\r\nhost: localhost:{port}\r\n\r\n"));
        assert!(module.contains("application/wasm") && module.ends_with("\u{0}\u{1}\u{2}"), "{module}");
        let head = ask(port, &format!("HEAD /a.wasm HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n"));
        assert!(head.contains("Content-Length: 3") && head.ends_with("\r\n\r\n"), "{head}");
    }

    #[test]
    fn files_are_served_packed_to_whoever_takes_them_so() {
        let (folder, port) = served();
        let asking = |accepted: &str| {
            ask(port, &format!("GET /a.wasm HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{accepted}\r\n"))
        };
        for (accepted, encoding, content) in [
            ("Accept-Encoding: gzip, deflate, br, zstd\r\n", Some("br"), "by Brotli"),
            ("accept-encoding: gzip, br;q=0\r\n", Some("gzip"), "by gzip"),
            ("Accept-Encoding: GZIP;q=0.5\r\n", Some("gzip"), "by gzip"),
            ("Accept-Encoding: identity\r\n", None, "\u{2}"),
            ("", None, "\u{2}"),
        ] {
            let answer = asking(accepted);
            assert!(answer.contains("application/wasm") && answer.ends_with(content), "{accepted}: {answer}");
            let said = answer.lines().find_map(|line| line.strip_prefix("Content-Encoding: "));
            assert_eq!(said, encoding, "{accepted}");
            assert!(answer.contains("Vary: Accept-Encoding"), "{answer}");
        }
        // The packed ones are of an earlier file then.
        let later = std::time::SystemTime::now() + Duration::from_secs(60);
        let file = File::options().write(true).open(folder.path().join("a.wasm")).unwrap();
        file.set_modified(later).unwrap();
        assert!(asking("Accept-Encoding: br\r\n").ends_with("\u{2}"));
    }

    #[test]
    fn nothing_else_is() {
        let (_folder, port) = served();
        let status = |request: &str| ask(port, request).split(' ').nth(1).unwrap_or_default().to_owned();
        let get = |path: &str| status(&format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"));
        for path in [
            "/none",
            "/inner",
            "/inner/secret",
            "/../secret",
            "/..%2fsecret",
            "//etc/passwd",
            "/inner/../index.html",
        ] {
            assert_eq!(get(path), "404", "{path}");
        }
        // A page of another host whose name has been made to lead here.
        assert_eq!(status("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"), "421");
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "421");
        assert_eq!(status(&format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")), "405");
        assert_eq!(status("nonsense\r\n\r\n"), "400");
        assert_eq!(status(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000))), "400");
        assert_eq!(get("/"), "200");
    }

    #[test]
    fn a_folder_without_the_page_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:?}", Site::read(folder.path(), &["index.html"]).unwrap_err());
        assert!(error.contains("index.html is missing"), "{error}");
        assert!(Site::read(&folder.path().join("none"), &[]).is_err());
    }
}
