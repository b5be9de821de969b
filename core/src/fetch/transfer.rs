//! Downloads: interrupted ones are resumed, and a file is moved into place only after its checksum matches.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use ureq::{
    Agent, Body,
    http::{Response, header},
};

use super::{FetchError, FetchEvent, Places, Watcher, checksum::Checksum};
use crate::atomic::rename;

/// Time for a connection, and for an answer on it.
const ANSWER: Duration = Duration::from_secs(30);
/// Time without a byte after which a connection counts as broken.
const SILENCE: Duration = Duration::from_secs(60);
/// How often a transfer that gets nowhere is tried again.
const RETRIES: u32 = 4;
/// Largest answer about a repository.
const LISTING_BYTES: u64 = 16 << 20;
/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// Asks servers.
pub(super) struct Client {
    agent: Agent,
    token: Option<String>,
    pub(super) places: Places,
    /// First pause before trying again; doubled each time.
    pub(super) pause: Duration,
}

/// A file to get.
pub(super) struct Wanted<'a> {
    /// For messages.
    pub(super) name: &'a str,
    pub(super) url: &'a str,
    /// Size in bytes.
    pub(super) size: u64,
    pub(super) checksum: &'a Checksum,
    /// Where it is to be.
    pub(super) target: &'a Path,
    /// Whether the address is the hub's and may know who asks.
    pub(super) of_hub: bool,
}

impl Client {
    pub(super) fn new(places: Places) -> Self {
        let config = Agent::config_builder()
            .timeout_connect(Some(ANSWER))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(SILENCE))
            .http_status_as_error(false)
            .user_agent(concat!("spanbert-studio/", env!("CARGO_PKG_VERSION")))
            .build();
        Self { agent: config.new_agent(), token: places.token(), places, pause: Duration::from_secs(1) }
    }

    /// The hub's answer as text.
    pub(super) fn text(&self, url: &str) -> Result<String, FetchError> {
        let mut attempt = 0;
        loop {
            let answer = self.get(url, None, true).and_then(|mut response| {
                let text = response.body_mut().with_config().limit(LISTING_BYTES).read_to_string();
                text.map_err(|error| connection(url, &error))
            });
            match answer {
                Err(error) if error.may_pass() && attempt < RETRIES => {
                    std::thread::sleep(self.pause * 2_u32.pow(attempt));
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// Downloads a file into its place, resuming what is there of it.
    ///
    /// # Errors
    /// If it cannot be got, is not what it should be, cannot be written, or the watcher wants no more.
    pub(super) fn download(&self, wanted: &Wanted<'_>, watcher: &mut Watcher<'_>) -> Result<(), FetchError> {
        let partial = partial_path(wanted.target);
        if let Some(folder) = wanted.target.parent() {
            fs::create_dir_all(folder).map_err(FetchError::file(folder))?;
        }
        let mut attempt = 0;
        loop {
            let before = size_of(&partial);
            match self.go_on(wanted, &partial, watcher) {
                Ok(()) => break,
                Err(error) if error.may_pass() => {
                    // A connection that brings something is worth another one.
                    attempt = if size_of(&partial) > before { 0 } else { attempt + 1 };
                    if attempt > RETRIES {
                        return Err(error);
                    }
                    let retry = FetchEvent::Retry { name: wanted.name, why: error.to_string() };
                    if !watcher(retry) {
                        return Err(FetchError::Cancelled);
                    }
                    std::thread::sleep(self.pause * 2_u32.pow(attempt));
                }
                Err(error) => return Err(error),
            }
        }
        let found = wanted.checksum.of_file(&partial)?;
        if found != wanted.checksum.digits() {
            fs::remove_file(&partial).map_err(FetchError::file(&partial))?;
            let expected = wanted.checksum.digits().to_owned();
            return Err(FetchError::Checksum { name: wanted.name.to_owned(), expected, found });
        }
        rename(&partial, wanted.target).map_err(FetchError::file(wanted.target))
    }

    /// One attempt; what has come stays in the partial file.
    fn go_on(
        &self,
        wanted: &Wanted<'_>,
        partial: &Path,
        watcher: &mut Watcher<'_>,
    ) -> Result<(), FetchError> {
        let mut done = size_of(partial);
        if done > wanted.size {
            // Of another file.
            fs::remove_file(partial).map_err(FetchError::file(partial))?;
            done = 0;
        }
        if done == wanted.size && partial.exists() {
            return Ok(());
        }
        let mut response = self.get(wanted.url, (done > 0).then_some(done), wanted.of_hub)?;
        if done > 0 && response.status() != 206 {
            // The server sends the whole file again.
            done = 0;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(done > 0)
            .write(true)
            .truncate(done == 0)
            .open(partial)
            .map_err(FetchError::file(partial))?;
        let mut reader = response.body_mut().as_reader();
        let mut chunk = vec![0; CHUNK];
        while done < wanted.size {
            let read = reader.read(&mut chunk).map_err(|error| connection(wanted.url, &error))?;
            if read == 0 {
                let why = format!("it ended after {done} of {} bytes", wanted.size);
                return Err(connection(wanted.url, &why));
            }
            let room = usize::try_from(wanted.size - done).unwrap_or(usize::MAX).min(read);
            file.write_all(&chunk[..room]).map_err(FetchError::file(partial))?;
            done += room as u64;
            if !watcher(FetchEvent::File { name: wanted.name, done, total: wanted.size }) {
                return Err(FetchError::Cancelled);
            }
        }
        file.sync_all().map_err(FetchError::file(partial))
    }

    fn get(&self, url: &str, from: Option<u64>, of_hub: bool) -> Result<Response<Body>, FetchError> {
        let mut request = self.agent.get(url);
        if let Some(from) = from {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        // Not handed on when the hub sends us elsewhere.
        if let Some(token) = self.token.as_ref().filter(|_| of_hub) {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|error| connection(url, &error))?;
        let status = response.status().as_u16();
        match status {
            200..300 => Ok(response),
            401 | 403 => {
                let told = response.body_mut().with_config().limit(2000).read_to_string().unwrap_or_default();
                let told: serde_json::Value = serde_json::from_str(&told).unwrap_or_default();
                let told = told.get("error").and_then(|error| error.as_str()).unwrap_or("no access");
                Err(FetchError::Refused { url: url.to_owned(), told: told.to_owned() })
            }
            404 => Err(FetchError::NotFound { url: url.to_owned() }),
            _ => Err(FetchError::Status { url: url.to_owned(), status }),
        }
    }
}

/// Where a file grows, by the name that the hub's own tools use.
fn partial_path(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".incomplete");
    target.with_file_name(name)
}

fn size_of(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |data| data.len())
}

fn connection(url: &str, why: &impl ToString) -> FetchError {
    FetchError::Connection { url: url.to_owned(), why: why.to_string() }
}
