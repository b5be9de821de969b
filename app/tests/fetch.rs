//! Fetching a model by name on the train page, from a hub on the loopback address.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod harness;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
};

use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use harness::{Paged, parameters, shows, wait};
use spanbert_app::pages::train::TrainPage;
use spanbert_core::{demo, fetch::Places, hash::sha256_hex};

/// Serves a folder under any name; each answer waits for a go.
fn hub(folder: PathBuf, go: Receiver<()>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut request, mut line) = (String::new(), String::new());
            reader.read_line(&mut request).unwrap();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            // A test that has ended sends no more.
            let _ = go.recv();
            let path = request.split(' ').nth(1).unwrap_or_default();
            let name = path.rsplit('/').next().unwrap_or_default();
            let body = if path.starts_with("/api/") {
                Some(listing(&folder).into_bytes())
            } else {
                fs::read(folder.join(name)).ok()
            };
            let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
            let body = body.unwrap_or_default();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

fn listing(folder: &Path) -> String {
    let files = fs::read_dir(folder).unwrap().map(|entry| {
        let entry = entry.unwrap();
        let content = fs::read(entry.path()).unwrap();
        format!(
            r#"{{"rfilename":"{}","lfs":{{"sha256":"{}","size":{}}}}}"#,
            entry.file_name().into_string().unwrap(),
            sha256_hex(&content),
            content.len()
        )
    });
    let files: Vec<String> = files.collect();
    format!(r#"{{"sha":"0123456789abcdef0123456789abcdef01234567","siblings":[{}]}}"#, files.join(","))
}

fn click<S>(harness: &mut Harness<'_, S>, label: &str) {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.run_steps(3);
}

#[test]
fn a_model_is_downloaded_only_after_its_licence_was_shown_and_then_goes_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (go, gate) = channel();
    let address = hub(demo::write(&folder.path().join("served")).unwrap().model, gate);
    let places = Places {
        hub: address.clone(),
        squad: format!("{address}/squad"),
        cache: folder.path().join("hf/hub"),
        squad_folder: folder.path().join("hf/squad"),
        token: None,
        token_file: folder.path().join("hf/token"),
        offline: false,
    };
    let page = |context: &egui::Context| TrainPage::with_places(context, places.clone());
    let mut harness: Harness<'_, Paged<TrainPage>> =
        harness::page(&folder.path().join("runs"), [1180.0, 1600.0], page);
    harness.run_steps(3);
    click(&mut harness, "Download spanbert-base");
    wait(&mut harness, "CC-BY-NC 4.0");
    assert!(shows(&harness, &address), "from where");
    click(&mut harness, "Not now");
    assert!(!shows(&harness, "CC-BY-NC 4.0") && !places.cache.join("models--SpanBERT").exists());

    click(&mut harness, "Download spanbert-base");
    click(&mut harness, "Download");
    wait(&mut harness, "Asking for spanbert-base");
    click(&mut harness, "Cancel download");
    for _ in 0..2 {
        go.send(()).unwrap();
    }
    wait(&mut harness, "By name");
    harness::wait_until(&mut harness, "the end of the transfer", |harness| {
        !shows(harness, "Cancel download")
    });

    click(&mut harness, "Download spanbert-base");
    click(&mut harness, "Download");
    for _ in 0..20 {
        go.send(()).unwrap();
    }
    // It is put into the field by its name and looked into like any other.
    wait(&mut harness, &parameters());
    assert!(harness.query_all_by_value("spanbert-base").next().is_some());

    // What the address does not have is told.
    click(&mut harness, "Download squad2");
    click(&mut harness, "Download");
    wait(&mut harness, "not found");
}
