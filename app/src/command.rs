//! Everything the user can ask for by menu, palette or keyboard, in one place.

use crate::symbols as icon;
use egui::{Context, Key, KeyboardShortcut, Modifiers};

use crate::{page::Page, theme::ThemeChoice};

/// A command. Its name, tooltip and shortcut are here and nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Show a page.
    Go(Page),
    /// Choose a checkpoint to ask.
    OpenCheckpoint,
    /// Ask the model that comes with the program.
    AskDemo,
    /// Choose a run folder from elsewhere.
    OpenRun,
    /// Show the form for a new training.
    NewTraining,
    /// Train the built-in example.
    StartDemo,
    /// Look for runs and devices again.
    Refresh,
    /// Have the shown training wait.
    PauseRun,
    /// Have the shown training go on: a paused one, or one that has ended early.
    ResumeRun,
    /// Have the shown training evaluate now.
    EvaluateRun,
    /// Have the shown training save and end.
    StopRun,
    /// Open the shown run's folder in the system's file manager.
    RevealRun,
    /// Move the shown or selected runs to the trash.
    DeleteRuns,
    /// Compare the selected runs.
    CompareRuns,
    /// Put the cursor where the page's question or filter is.
    FocusInput,
    /// Answer the question on the Ask page.
    Ask,
    /// Set the theme.
    Theme(ThemeChoice),
    /// Make everything larger.
    ZoomIn,
    /// Make everything smaller.
    ZoomOut,
    /// Make everything the system's size.
    ZoomReset,
    /// Show the command palette.
    Palette,
    /// Show the first-run screen.
    Welcome,
    /// Show the keyboard shortcuts.
    Shortcuts,
    /// Show version and licences.
    About,
    /// Close the window; trainings go on.
    Quit,
}

impl Command {
    /// All commands in the palette's order.
    pub const ALL: [Self; 31] = [
        Self::Go(Page::Runs),
        Self::Go(Page::Train),
        Self::Go(Page::Evaluate),
        Self::Go(Page::Ask),
        Self::Go(Page::Settings),
        Self::OpenCheckpoint,
        Self::AskDemo,
        Self::OpenRun,
        Self::NewTraining,
        Self::StartDemo,
        Self::Ask,
        Self::FocusInput,
        Self::PauseRun,
        Self::ResumeRun,
        Self::EvaluateRun,
        Self::StopRun,
        Self::RevealRun,
        Self::CompareRuns,
        Self::DeleteRuns,
        Self::Refresh,
        Self::Theme(ThemeChoice::System),
        Self::Theme(ThemeChoice::Light),
        Self::Theme(ThemeChoice::Dark),
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Palette,
        Self::Welcome,
        Self::Shortcuts,
        Self::About,
        Self::Quit,
    ];

    /// Whether it can ever make sense on this platform.
    #[must_use]
    pub fn is_offered(self) -> bool {
        let needs_system = matches!(
            self,
            Self::OpenRun
                | Self::RevealRun
                | Self::DeleteRuns
                | Self::CompareRuns
                | Self::Welcome
                | Self::Quit
        );
        !needs_system || cfg!(not(target_family = "wasm"))
    }

    /// Those that can, in the palette's order.
    pub fn offered() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|command| command.is_offered())
    }

    /// Its name in menus and palette.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Go(Page::Runs) => "Go to runs",
            Self::Go(Page::Train) => "Go to train",
            Self::Go(Page::Evaluate) => "Go to evaluate",
            Self::Go(Page::Ask) => "Go to ask",
            Self::Go(Page::Settings) => "Go to settings",
            Self::OpenCheckpoint => "Open checkpoint…",
            Self::AskDemo => "Ask the demo model",
            Self::OpenRun => "Open run folder…",
            Self::NewTraining => "New training",
            Self::StartDemo => "Train the demo",
            Self::Refresh => "Refresh",
            Self::PauseRun => "Pause training",
            Self::ResumeRun => "Resume training",
            Self::EvaluateRun => "Evaluate now",
            Self::StopRun => "Stop training",
            Self::RevealRun => "Show run in file manager",
            Self::DeleteRuns => "Move runs to trash…",
            Self::CompareRuns => "Compare selected runs",
            Self::FocusInput => "Go to filter or question",
            Self::Ask => "Answer the question",
            Self::Theme(ThemeChoice::System) => "System theme",
            Self::Theme(ThemeChoice::Light) => "Light theme",
            Self::Theme(ThemeChoice::Dark) => "Dark theme",
            Self::ZoomIn => "Larger",
            Self::ZoomOut => "Smaller",
            Self::ZoomReset => "Normal size",
            Self::Palette => "Command palette",
            Self::Welcome => "Welcome screen",
            Self::Shortcuts => "Keyboard shortcuts",
            Self::About => "About SpanBERT Studio",
            Self::Quit => "Quit",
        }
    }

    /// What it does, for tooltips.
    #[must_use]
    pub fn tooltip(self) -> &'static str {
        match self {
            Self::Go(_) => "Show this page",
            Self::OpenCheckpoint if cfg!(target_family = "wasm") => {
                "Choose the files of a Hugging Face folder: configuration, vocabulary or tokenizer, and weights"
            }
            Self::OpenCheckpoint => "Load a Hugging Face folder, such as the best/ of a run, to ask it",
            Self::AskDemo => "Load the small model that comes with the program; it knows its invented world",
            Self::OpenRun => "Show a run made by the command line or on another machine",
            Self::NewTraining => "Choose device, checkpoint, data and recipe",
            Self::StartDemo => {
                "Train a small SpanBERT on questions about an invented world: a minute or two, no network"
            }
            Self::Refresh => "Look for runs and devices again",
            Self::PauseRun => "Pause after the current step; device memory stays allocated",
            Self::ResumeRun => {
                "Resume: a paused training at once, one that has ended from its last checkpoint"
            }
            Self::EvaluateRun => "Evaluate the development set after the current step",
            Self::StopRun => "Save and end after the current step; it can be resumed",
            Self::RevealRun => "Open the run folder in the system's file manager",
            Self::DeleteRuns => "Move run folders to the system's trash, after a confirmation",
            Self::CompareRuns => "Overlay the curves of the selected runs and show how their recipes differ",
            Self::FocusInput => "Put the cursor into the page's filter or question",
            Self::Ask => "Have the loaded checkpoints answer the question",
            Self::Theme(_) => "Set the theme",
            Self::ZoomIn | Self::ZoomOut | Self::ZoomReset => "Set the size of everything",
            Self::Palette => "Find any command by name",
            Self::Welcome => "Show the first-run screen",
            Self::Shortcuts => "Show all keyboard shortcuts",
            Self::About => "Version and licences",
            Self::Quit => "Close the window; trainings keep running",
        }
    }

    /// Its symbol.
    #[must_use]
    pub fn icon(self) -> &'static str {
        match self {
            Self::Go(page) => page.icon(),
            Self::OpenCheckpoint | Self::OpenRun => icon::FOLDER_OPEN,
            Self::AskDemo => icon::CHAT_TEXT,
            Self::NewTraining => icon::PLUS,
            Self::StartDemo => icon::ROCKET_LAUNCH,
            Self::Refresh => icon::ARROWS_CLOCKWISE,
            Self::PauseRun => icon::PAUSE,
            Self::ResumeRun => icon::PLAY,
            Self::EvaluateRun => icon::CHART_BAR,
            Self::StopRun => icon::STOP,
            Self::RevealRun => icon::FOLDER_SIMPLE,
            Self::DeleteRuns => icon::TRASH,
            Self::CompareRuns => icon::GIT_DIFF,
            Self::FocusInput => icon::MAGNIFYING_GLASS,
            Self::Ask => icon::CHAT_TEXT,
            Self::Theme(_) => icon::CIRCLE_HALF,
            Self::ZoomIn => icon::MAGNIFYING_GLASS_PLUS,
            Self::ZoomOut => icon::MAGNIFYING_GLASS_MINUS,
            Self::ZoomReset => icon::MAGNIFYING_GLASS,
            Self::Palette => icon::COMMAND,
            Self::Welcome => icon::HAND_WAVING,
            Self::Shortcuts => icon::KEYBOARD,
            Self::About => icon::INFO,
            Self::Quit => icon::SIGN_OUT,
        }
    }

    /// Its keys.
    #[must_use]
    pub fn shortcut(self) -> Option<KeyboardShortcut> {
        let shifted = Modifiers::COMMAND.plus(Modifiers::SHIFT);
        let (modifiers, key) = match self {
            Self::Go(Page::Runs) => (Modifiers::COMMAND, Key::Num1),
            Self::Go(Page::Train) => (Modifiers::COMMAND, Key::Num2),
            Self::Go(Page::Evaluate) => (Modifiers::COMMAND, Key::Num3),
            Self::Go(Page::Ask) => (Modifiers::COMMAND, Key::Num4),
            Self::Go(Page::Settings) => (Modifiers::COMMAND, Key::Comma),
            Self::OpenCheckpoint => (Modifiers::COMMAND, Key::O),
            Self::OpenRun => (shifted, Key::O),
            Self::NewTraining => (Modifiers::COMMAND, Key::N),
            Self::Refresh => (Modifiers::NONE, Key::F5),
            Self::PauseRun => (shifted, Key::P),
            Self::ResumeRun => (shifted, Key::R),
            Self::EvaluateRun => (shifted, Key::E),
            Self::StopRun => (shifted, Key::S),
            Self::FocusInput => (Modifiers::COMMAND, Key::F),
            Self::Ask => (Modifiers::COMMAND, Key::Enter),
            Self::Palette => (Modifiers::COMMAND, Key::K),
            Self::Shortcuts => (Modifiers::NONE, Key::F1),
            Self::Quit => (Modifiers::COMMAND, Key::Q),
            // The window system of egui knows these by itself; they are here to be shown.
            Self::ZoomIn => (Modifiers::COMMAND, Key::Plus),
            Self::ZoomOut => (Modifiers::COMMAND, Key::Minus),
            Self::ZoomReset => (Modifiers::COMMAND, Key::Num0),
            _ => return None,
        };
        Some(KeyboardShortcut::new(modifiers, key))
    }

    /// The keys as text, "Ctrl+K".
    #[must_use]
    pub fn keys(self, context: &Context) -> String {
        self.shortcut().map_or_else(String::new, |shortcut| context.format_shortcut(&shortcut))
    }

    /// The command whose keys were pressed, if any; takes the key press.
    pub fn pressed(context: &Context) -> Option<Self> {
        // Those with more modifiers first: the plain ones would match them too.
        let mut commands: Vec<_> =
            Self::offered().filter_map(|command| Some((command, command.shortcut()?))).collect();
        commands.sort_by_key(|(_, shortcut)| !shortcut.modifiers.shift);
        let by_egui = |command| matches!(command, Self::ZoomIn | Self::ZoomOut | Self::ZoomReset);
        commands.into_iter().filter(|(command, _)| !by_egui(*command)).find_map(|(command, shortcut)| {
            context.input_mut(|input| input.consume_shortcut(&shortcut)).then_some(command)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_keys_are_unique() {
        let names: HashSet<_> = Command::ALL.iter().map(|command| command.name()).collect();
        assert_eq!(names.len(), Command::ALL.len());
        let keys: Vec<_> = Command::ALL.iter().filter_map(|command| command.shortcut()).collect();
        let unique: HashSet<_> = keys.iter().map(|keys| (keys.modifiers, keys.logical_key)).collect();
        assert_eq!(unique.len(), keys.len());
    }
}
