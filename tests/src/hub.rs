//! The Hugging Face hub on the loopback address: redirects, ranges, a connection that breaks, wrong content, refusals.
//!
//! The unit tests of `core` and the tests of the app take this file in by its path.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, mpsc::Receiver},
};

use serde_json::{Value, json};
use spanbert_core::{fetch::Places, hash::sha256_hex};

/// The commit that the hub serves.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What the servers do and what they were asked.
#[derive(Default)]
pub struct Plan {
    /// Files by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Files that are announced by git's checksum instead of SHA-256.
    pub git_blobs: BTreeMap<String, String>,
    /// Each answer waits for one of these.
    pub go: Option<Receiver<()>>,
    /// Files whose content differs from what is announced.
    pub altered: BTreeMap<String, Vec<u8>>,
    /// The first so many answers with content end after so many bytes.
    pub cuts: Vec<usize>,
    /// The first so many answers are this status.
    pub failures: Vec<u16>,
    /// Who may see anything.
    pub token: Option<String>,
    /// Answers ranges with the whole file.
    pub ignores_ranges: bool,
    /// Paths and ranges in the order of requests.
    pub asked: Vec<String>,
}

impl Plan {
    /// Serves the files of a folder.
    pub fn of_folder(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        Self {
            files: entries.map(|path| (name(&path), fs::read(path).unwrap())).collect(),
            ..Self::default()
        }
    }
}

/// A hub that serves `SpanBERT/spanbert-base-cased`, and the SQuAD address beside it.
#[derive(Clone)]
pub struct Hub {
    /// What it does; may be changed while it runs.
    pub plan: Arc<Mutex<Plan>>,
    /// Where it is.
    pub address: String,
}

impl Hub {
    /// A hub that sends for large files to a second server, as the real one does.
    pub fn start(plan: Plan) -> Self {
        let plan = Arc::new(Mutex::new(plan));
        let store = serve(&plan, None);
        let address = serve(&plan, Some(store));
        Self { plan, address }
    }

    /// Places that lead to it, everything fetched lying in `home`.
    pub fn places(&self, home: &Path) -> Places {
        Places {
            hub: self.address.clone(),
            squad: format!("{}/squad", self.address),
            cache: home.join("hub"),
            squad_folder: home.join("squad"),
            token: None,
            token_file: home.join("token"),
            offline: false,
        }
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.plan.lock().unwrap().asked.clone()
    }
}

fn serve(plan: &Arc<Mutex<Plan>>, store: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let plan = plan.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (plan, store) = (plan.clone(), store.clone());
            std::thread::spawn(move || answer(stream, &plan, store.as_deref()));
        }
    });
    address
}

/// Answers one request and closes.
fn answer(mut stream: TcpStream, plan: &Mutex<Plan>, store: Option<&str>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut plan = plan.lock().unwrap();
    if let Some(go) = &plan.go {
        // A test that has ended sends no more.
        let _ = go.recv();
    }
    let range = headers.get("range").cloned().unwrap_or_default();
    plan.asked.push(format!("{path} {range}").trim().to_owned());
    let mut say = |status: &str, more: &str, body: &[u8], sent: usize| {
        let length = body.len();
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..sent.min(length)])).ok()
    };
    if !plan.failures.is_empty() {
        let status = plan.failures.remove(0);
        return say(&format!("{status} no"), "", b"", 0);
    }
    if store.is_none() {
        // The store of large files must not learn who asks.
        assert!(!headers.contains_key("authorization"));
    } else if let Some(token) = &plan.token
        && headers.get("authorization") != Some(&format!("Bearer {token}"))
    {
        return say("401 Unauthorized", "", br#"{"error":"Invalid username or password."}"#, 99);
    }
    if path.starts_with("/api/models/SpanBERT/spanbert-base-cased/") {
        let listing = listing(&plan);
        return say("200 OK", "", listing.as_bytes(), listing.len());
    }
    let name = path.rsplit('/').next()?.to_owned();
    let Some(content) = plan.altered.get(&name).or_else(|| plan.files.get(&name)).cloned() else {
        return say("404 Not Found", "", br#"{"error":"Entry not found"}"#, 99);
    };
    if let Some(store) = store
        && name.ends_with(".bin")
    {
        let location = format!("location: {store}/{name}\r\n");
        return say("302 Found", &location, b"", 0);
    }
    let from: usize = range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0);
    let from = if plan.ignores_ranges { 0 } else { from };
    let cut = if name.ends_with(".bin") && !plan.cuts.is_empty() { plan.cuts.remove(0) } else { usize::MAX };
    if from > 0 {
        let length = content.len();
        let more = format!("content-range: bytes {from}-{}/{length}\r\n", length - 1);
        return say("206 Partial Content", &more, &content[from..], cut);
    }
    say("200 OK", "", &content, cut)
}

fn listing(plan: &Plan) -> String {
    let sibling = |(name, content): (&String, &Vec<u8>)| match plan.git_blobs.get(name) {
        Some(blob) => json!({ "rfilename": name, "size": content.len(), "blobId": blob }),
        None => {
            let lfs = json!({ "sha256": sha256_hex(content), "size": content.len() });
            json!({ "rfilename": name, "lfs": lfs })
        }
    };
    let siblings: Vec<Value> = plan.files.iter().map(sibling).collect();
    json!({ "sha": COMMIT, "siblings": siblings, "cardData": { "license": "mit" } }).to_string()
}
