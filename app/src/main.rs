//! Opens the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]
#![recursion_limit = "256"]

use std::process::ExitCode;

use clap::Parser;
use eframe::{NativeOptions, egui_wgpu::WgpuSetup, wgpu::PowerPreference};
use egui::ViewportBuilder;
use spanbert_app::{StudioApp, TITLE, icon::icon};

/// SpanBERT Studio: train SpanBERT on questions and answers, look at what it learnt, and ask it.
#[derive(Debug, Parser)]
#[command(name = "spanbert-studio", version)]
struct Options {}

fn main() -> ExitCode {
    spanbert_backends::fault::install();
    let Options {} = Options::parse();
    match open() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: the window could not be opened: {error}");
            eprintln!(
                "help: it needs a desktop session and a graphics driver; `spanbert` does the same work in a terminal"
            );
            ExitCode::FAILURE
        }
    }
}

fn open() -> Result<(), eframe::Error> {
    let viewport = ViewportBuilder::default()
        .with_title(TITLE)
        .with_app_id("spanbert-studio")
        .with_icon(icon())
        .with_inner_size([1080.0, 720.0])
        .with_min_inner_size([480.0, 360.0]);
    let mut options = NativeOptions { viewport, ..NativeOptions::default() };
    if let WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup {
        // Leaves the fast GPU of a laptop to the model.
        setup.power_preference = PowerPreference::from_env().unwrap_or(PowerPreference::LowPower);
    }
    eframe::run_native(
        TITLE,
        options,
        Box::new(|creation| Ok(Box::new(StudioApp::new(&creation.egui_ctx, spanbert_backends::devices)))),
    )
}
