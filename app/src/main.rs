//! Opens the window.
#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]
#![recursion_limit = "256"]

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use eframe::{NativeOptions, egui_wgpu::WgpuSetup, wgpu::PowerPreference};
use egui::{Context, Ui, ViewportBuilder, ViewportCommand};
use spanbert_app::{Options, StudioApp, TITLE, icon::icon, launch::Trainer, settings::SettingsFile};

// Trainings started from the window run in this same program; see `spanbert`'s for why this allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// SpanBERT Studio: train SpanBERT on questions and answers, look at what it learnt, and ask it.
#[derive(Debug, Parser)]
#[command(
    name = "spanbert-studio",
    version = env!("SPANBERT_VERSION"),
    after_help = "`spanbert-studio cli …` is the command line `spanbert …`."
)]
struct Arguments {
    /// Folder that runs are made in and looked for, instead of the one in the settings.
    #[arg(long, value_name = "DIR")]
    runs_dir: Option<PathBuf>,
    /// File that settings are kept in, instead of the user's.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// Closes the window after its first frame and prints the seconds until then.
    #[arg(long, hide = true)]
    first_frame: bool,
}

fn main() -> ExitCode {
    let started = Instant::now();
    // SAFETY: no other thread exists yet.
    #[allow(unsafe_code)]
    unsafe {
        spanbert_backends::quiet_vulkan();
    }
    spanbert_core::selftest::use_worker(&["cli"]);
    let mut arguments = std::env::args_os().skip(1);
    // The window starts itself like this to train: a fault of the device then ends the training, not the window.
    if arguments.next().is_some_and(|first| first == "cli") {
        return spanbert_cli::run(std::iter::once("spanbert".into()).chain(arguments));
    }
    spanbert_backends::fault::install();
    let arguments = Arguments::parse();
    let trainer = match Trainer::of_this_program() {
        Ok(trainer) => trainer,
        Err(error) => {
            eprintln!("error: the system does not say where this program is: {error}");
            eprintln!("help: start it by its full path");
            return ExitCode::FAILURE;
        }
    };
    let options = Options {
        find_devices: spanbert_backends::devices,
        settings_file: arguments.settings.or_else(SettingsFile::of_user),
        runs_folder: arguments.runs_dir,
        trainer,
    };
    match open(options, arguments.first_frame.then_some(started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = format!("the window could not be opened: {}", cause(&error.to_string()));
            let help = "it needs a desktop session and a graphics driver; `spanbert` does the same work in a terminal";
            eprintln!("error: {cause}\nhelp: {help}");
            #[cfg(windows)]
            if !arguments.first_frame {
                show_error(&format!("{cause}\n\n{help}"));
            }
            ExitCode::FAILURE
        }
    }
}

/// On Windows the program has no terminal that would show what it prints.
#[cfg(windows)]
fn show_error(text: &str) {
    let dialog = rfd::MessageDialog::new().set_level(rfd::MessageLevel::Error);
    dialog.set_title(TITLE).set_description(text).show();
}

/// The part of the message that says what happened; winit puts a path of its own source before it.
fn cause(message: &str) -> &str {
    let is_position =
        |part: &str| part.rsplit_once(".rs:").is_some_and(|(_, line)| line.parse::<u32>().is_ok());
    let positions = message.match_indices(": ").filter(|(end, _)| is_position(&message[..*end]));
    let told = positions.last().map_or(message, |(end, separator)| &message[end + separator.len()..]);
    // wgpu forgets to fill in its last word.
    told.trim_end_matches(": {}")
}

/// Opens the window; with `started` only until its first frame is on the screen.
fn open(studio: Options, started: Option<Instant>) -> Result<(), eframe::Error> {
    let viewport = ViewportBuilder::default()
        .with_title(TITLE)
        .with_app_id("spanbert-studio")
        .with_icon(icon())
        .with_inner_size([1180.0, 780.0])
        .with_min_inner_size([480.0, 360.0]);
    let mut options = NativeOptions { viewport, ..NativeOptions::default() };
    if let WgpuSetup::CreateNew(setup) = &mut options.wgpu_options.wgpu_setup {
        // Leaves the fast GPU of a laptop to the model.
        setup.power_preference = PowerPreference::from_env().unwrap_or(PowerPreference::LowPower);
    }
    eframe::run_native(
        TITLE,
        options,
        Box::new(move |creation| {
            let studio = StudioApp::new(&creation.egui_ctx, studio);
            Ok(match started {
                Some(_) => Box::new(FirstFrame { studio, started, shown: false }),
                None => Box::new(studio),
            })
        }),
    )
}

/// The window until its first frame is on the screen.
struct FirstFrame {
    studio: StudioApp,
    /// Taken once it is told.
    started: Option<Instant>,
    shown: bool,
}

impl eframe::App for FirstFrame {
    fn logic(&mut self, context: &Context, frame: &mut eframe::Frame) {
        if self.shown
            && let Some(started) = self.started.take()
        {
            // The frame before this one has been handed to the screen.
            println!("first frame after {:.3} s", started.elapsed().as_secs_f64());
            context.send_viewport_cmd(ViewportCommand::Close);
        }
        self.studio.logic(context, frame);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.studio.ui(ui, frame);
        self.shown = true;
        ui.ctx().request_repaint();
    }
}

#[cfg(test)]
mod tests {
    use super::cause;

    #[test]
    fn positions_in_foreign_source_are_not_shown() {
        let message =
            "winit EventLoopError: os error at /home/me/winit/src/linux/mod.rs:765: DISPLAY is set: no";
        assert_eq!(cause(message), "DISPLAY is set: no");
        assert_eq!(cause("WGPU error: no surface: {}"), "WGPU error: no surface");
    }
}
