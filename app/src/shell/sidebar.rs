//! The list of pages at the left.

#[cfg(not(target_family = "wasm"))]
use egui::Label;
use egui::{Align, Button, Layout, RichText, Ui, WidgetInfo, WidgetType};

use super::StudioApp;
use crate::{command::Command, page::Page, theme::Tokens};
#[cfg(not(target_family = "wasm"))]
use crate::{library::RunEntry, theme::CAPTION_SIZE, widgets::run_title};

/// Width of the list.
pub(super) const WIDTH: f32 = 152.0;
/// Width of the list in a narrow window: symbols only.
pub(super) const NARROW_WIDTH: f32 = 52.0;
/// Windows narrower than this have the narrow list.
pub(super) const NARROW_WINDOW: f32 = 720.0;

impl StudioApp {
    pub(super) fn sidebar_ui(&mut self, ui: &mut Ui, wide: bool) {
        #[cfg(not(target_family = "wasm"))]
        let live = self.library.runs().iter().filter(|run| run.is_live()).count();
        #[cfg(target_family = "wasm")]
        let live = 0;
        ui.spacing_mut().item_spacing.y = 4.0;
        for page in Page::ALL.into_iter().filter(|page| *page != Page::Settings) {
            let mark = if page == Page::Runs { live } else { 0 };
            self.entry(ui, page, wide, mark);
        }
        ui.with_layout(Layout::bottom_up(Align::Min), |ui| {
            self.entry(ui, Page::Settings, wide, 0);
            #[cfg(not(target_family = "wasm"))]
            if wide && let Some(run) = self.library.runs().iter().find(|run| run.is_live()) {
                progress_ui(ui, run, live);
            }
        });
    }

    fn entry(&mut self, ui: &mut Ui, page: Page, wide: bool, live: usize) {
        let tokens = Tokens::of(ui);
        let selected = self.settings.page == page;
        let color = if selected { tokens.accent } else { tokens.text };
        let text = match (wide, live) {
            (false, _) => RichText::new(page.icon()).size(20.0),
            (true, 0) => RichText::new(format!("{}   {}", page.icon(), page.name())),
            (true, live) => RichText::new(format!("{}   {}  ({live})", page.icon(), page.name())),
        };
        let button = Button::selectable(selected, text.color(color));
        let size = egui::vec2(ui.available_width(), 34.0);
        let layout = if wide {
            Layout::left_to_right(Align::Center)
        } else {
            Layout::centered_and_justified(egui::Direction::LeftToRight)
        };
        let response = ui
            .allocate_ui_with_layout(size, layout, |ui| {
                ui.spacing_mut().button_padding.x = 10.0;
                ui.add_sized(size, if wide { button.right_text("") } else { button })
            })
            .inner;
        response.widget_info(|| WidgetInfo::selected(WidgetType::Button, true, selected, page.name()));
        let keys = Command::Go(page).keys(ui.ctx());
        if response.on_hover_text(format!("{} ({keys})", page.name())).clicked() {
            self.go(page);
        }
    }
}

/// How far the training at work is.
#[cfg(not(target_family = "wasm"))]
fn progress_ui(ui: &mut Ui, run: &RunEntry, live: usize) {
    let tokens = Tokens::of(ui);
    let state = run.summary.state.as_ref();
    let share =
        state.filter(|state| state.total_steps > 0).map(|state| state.step as f32 / state.total_steps as f32);
    if let Some(share) = share {
        ui.add(egui::ProgressBar::new(share).desired_height(4.0).fill(tokens.success));
    }
    let caption = if live > 1 {
        format!("{live} running")
    } else {
        let title = run_title(&run.summary.name);
        match share {
            Some(share) => format!("{:.0} % · {title}", share * 100.0),
            None => title.to_owned(),
        }
    };
    ui.add(Label::new(RichText::new(caption).size(CAPTION_SIZE).color(tokens.text_muted)).truncate());
}
