//! The command palette: any command by a part of its name.

use egui::{Button, Context, Id, Key, Modal, RichText, ScrollArea, Ui};

use super::StudioApp;
use crate::{command::Command, theme::Tokens, widgets::search_field};

/// The palette's state.
#[derive(Debug, Default)]
pub(super) struct Palette {
    open: bool,
    /// Whether it was opened in this frame, and its field wants the cursor.
    fresh: bool,
    query: String,
    selected: usize,
}

impl Palette {
    pub(super) fn toggle(&mut self) {
        *self = Self { open: !self.open, fresh: true, ..Self::default() };
    }
}

/// How well a name fits a query, lower being better; `None` if it does not. Letters of the query in order, those at
/// beginnings of words and next to each other count most.
fn fit(query: &str, name: &str) -> Option<usize> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    let (mut at, mut cost) = (0, 0);
    for letter in query.to_lowercase().chars().filter(|letter| !letter.is_whitespace()) {
        let next = at + name.get(at..)?.iter().position(|other| *other == letter)?;
        let starts_word = next == 0 || name.get(next - 1).is_some_and(|before| !before.is_alphanumeric());
        cost += if next == at || starts_word { 0 } else { 2 + next - at };
        at = next + 1;
    }
    Some(cost)
}

impl StudioApp {
    pub(super) fn palette_ui(&mut self, context: &Context) {
        if !self.palette.open {
            return;
        }
        let mut commands: Vec<(usize, Command)> = Command::offered()
            .filter(|command| *command != Command::Palette)
            .filter_map(|command| Some((fit(&self.palette.query, command.name())?, command)))
            .collect();
        commands.retain(|(_, command)| self.can(*command));
        commands.sort_by_key(|(cost, _)| *cost);
        let commands: Vec<Command> = commands.into_iter().map(|(_, command)| command).collect();
        let mut chosen = None;
        let modal = Modal::new(Id::new("palette"));
        let response = modal.show(context, |ui| {
            ui.set_width(440.0_f32.min(context.content_rect().width() - 48.0));
            chosen = self.palette.ui(ui, &commands);
        });
        if let Some(command) = chosen {
            self.palette.open = false;
            self.obey(context, command);
        } else if response.should_close() {
            self.palette.open = false;
        }
    }
}

impl Palette {
    fn ui(&mut self, ui: &mut Ui, commands: &[Command]) -> Option<Command> {
        let (down, up, enter) = ui.input_mut(|input| {
            let mut taken = |key| input.consume_key(egui::Modifiers::NONE, key);
            (taken(Key::ArrowDown), taken(Key::ArrowUp), taken(Key::Enter))
        });
        let field = search_field(ui, &mut self.query, "Find a command", f32::INFINITY);
        if std::mem::take(&mut self.fresh) {
            field.request_focus();
        }
        if field.changed() {
            self.selected = 0;
        }
        let last = commands.len().saturating_sub(1);
        self.selected = (self.selected + usize::from(down)).saturating_sub(usize::from(up)).min(last);
        let mut chosen = if enter { commands.get(self.selected).copied() } else { None };
        ui.add_space(4.0);
        if commands.is_empty() {
            ui.label(RichText::new("No command matches").color(Tokens::of(ui).text_muted));
        }
        ScrollArea::vertical().max_height(340.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for (index, command) in commands.iter().enumerate() {
                let text = format!("{}   {}", command.icon(), command.name());
                let button =
                    Button::selectable(index == self.selected, text).shortcut_text(command.keys(ui.ctx()));
                let response = ui.add_sized([ui.available_width(), 28.0], button);
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::WidgetType::Button, true, command.name())
                });
                if index == self.selected && (down || up) {
                    response.scroll_to_me(None);
                }
                if response.on_hover_text(command.tooltip()).clicked() {
                    chosen = Some(*command);
                }
            }
        });
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn letters_in_order_fit_and_beginnings_come_first() {
        assert_eq!(fit("", "Quit"), Some(0));
        assert_eq!(fit("xyz", "Quit"), None);
        assert!(fit("oc", "Open checkpoint…") < fit("oc", "Normal checks"));
        assert!(fit("Dark", "Dark theme").is_some());
    }
}
