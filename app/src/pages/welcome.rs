//! The first-run screen: three ways in.

use crate::symbols as icon;
use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use crate::{
    action::Action,
    command::Command,
    page::Page,
    page_view::Env,
    theme::{CARD_TITLE_SIZE, GAP, Tokens},
    widgets::{card, command_button, primary_command_button},
};

/// The page has no state of its own.
pub struct WelcomePage;

/// A way in: its symbol, title, text and command.
const WAYS: [(&str, &str, &str, Command); 3] = [
    (
        icon::CHAT_TEXT,
        "Ask a question",
        "Loads the small model that comes with the program, with a passage about its invented world and a question: Enter answers it. No download.",
        Command::AskDemo,
    ),
    (
        icon::ROCKET_LAUNCH,
        "See it learn",
        "Fine-tunes a small SpanBERT on 60,000 questions about an invented world, here and now. No GPU needed: a minute or two on two processor cores.",
        Command::StartDemo,
    ),
    (
        icon::CHART_LINE_UP,
        "Look at a run",
        "Opens a run folder made by the command line, also one copied from another machine, finished or running.",
        Command::OpenRun,
    ),
];

impl WelcomePage {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, env: &mut Env<'_>) {
        let tokens = Tokens::of(ui);
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let width = ui.available_width().min(880.0);
            let margin = (ui.available_width() - width) / 2.0;
            let top = ((ui.available_height() - 420.0) / 2.0).clamp(8.0, 120.0);
            ui.add_space(top);
            ui.horizontal(|ui| {
                ui.add_space(margin);
                ui.vertical(|ui| {
                    ui.set_width(width);
                    ui.label(RichText::new("Welcome to SpanBERT Studio").size(28.0).strong());
                    let text = "Fine-tune SpanBERT on SQuAD, find out how good it is, and ask it questions. Everything stays on this machine.";
                    ui.add(Label::new(RichText::new(text).size(15.0).color(tokens.text_muted)).wrap());
                    ui.add_space(2.0 * GAP);
                    ways(ui, env);
                    ui.add_space(2.0 * GAP);
                    ui.horizontal_wrapped(|ui| {
                        if ui.link("Set up a training of your own").clicked() {
                            env.ask(Action::Go(Page::Train));
                        }
                        ui.label(RichText::new("·").color(tokens.text_muted));
                        if ui.link("Open a checkpoint").clicked() {
                            env.ask(Action::Do(Command::OpenCheckpoint));
                        }
                        ui.label(RichText::new("·").color(tokens.text_muted));
                        if ui.link("Go to the runs").clicked() {
                            env.ask(Action::Go(Page::Runs));
                        }
                        let keys = Command::Palette.keys(ui.ctx());
                        ui.label(RichText::new(format!("·  {keys} finds any command")).color(tokens.text_muted));
                    });
                });
            });
        });
    }
}

/// The cards, side by side where there is room.
fn ways(ui: &mut Ui, env: &mut Env<'_>) {
    const SIDE_BY_SIDE: f32 = 700.0;
    let columns = if ui.available_width() >= SIDE_BY_SIDE { WAYS.len() } else { 1 };
    let width = (ui.available_width() - GAP * (columns as f32 - 1.0)) / columns as f32;
    for row in WAYS.chunks(columns) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            for (symbol, title, text, command) in row {
                ui.allocate_ui_with_layout(egui::vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    card(ui, title, |ui| {
                        if columns > 1 {
                            ui.set_min_height(190.0);
                        }
                        way(ui, env, symbol, title, text, *command);
                    });
                });
            }
        });
    }
}

fn way(ui: &mut Ui, env: &mut Env<'_>, symbol: &str, title: &str, text: &str, command: Command) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(symbol).size(28.0).color(tokens.accent));
    ui.label(RichText::new(title).size(CARD_TITLE_SIZE).strong());
    ui.add(Label::new(RichText::new(text).color(tokens.text_muted)).wrap());
    ui.add_space(4.0);
    let clicked = if command == Command::AskDemo {
        primary_command_button(ui, command, true).clicked()
    } else {
        command_button(ui, command, true).clicked()
    };
    if clicked {
        env.ask(Action::Do(command));
    }
}
