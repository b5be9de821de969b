//! The program itself opens a window on a virtual display and draws its first frame.
#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A display of its own, gone with the value.
struct Display {
    server: Child,
    name: String,
}

impl Display {
    /// Starts Xvfb, which finds a free number and tells it. Gives nothing where it is not installed.
    fn start() -> Option<Self> {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x900x24", "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        Some(Self { server, name: format!(":{}", number.trim()) })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn the_program_draws_its_first_frame_on_a_display() {
    let Some(display) = Display::start() else {
        assert!(std::env::var_os("CI").is_none(), "CI is to have Xvfb");
        eprintln!("skipped: no Xvfb");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut window = Command::new(env!("CARGO_BIN_EXE_spanbert-studio"))
        .arg("--first-frame")
        .arg("--settings")
        .arg(folder.path().join("studio.json"))
        .arg("--runs-dir")
        .arg(folder.path().join("runs"))
        .env("DISPLAY", &display.name)
        .env_remove("WAYLAND_DISPLAY")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    while window.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(120) {
            window.kill().unwrap();
            panic!("no frame in two minutes");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let (mut told, mut errors) = (String::new(), String::new());
    window.stdout.take().unwrap().read_to_string(&mut told).unwrap();
    window.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(window.wait().unwrap().success(), "{errors}");
    assert!(told.starts_with("first frame after "), "{told}{errors}");
}
