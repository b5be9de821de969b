//! What the program says of itself.

use egui::{RichText, Ui};

use crate::theme::Tokens;

/// What the program is and under which licences.
pub fn about_text(ui: &mut Ui) {
    let muted = Tokens::of(ui).text_muted;
    let lines = [
        "Fine-tunes SpanBERT on SQuAD, evaluates it, and answers questions, on this machine alone.",
        "Licensed under MIT or Apache 2.0, at your choice. Built with Burn 0.21 and egui 0.35.",
        "SpanBERT's own weights are CC BY-NC 4.0: no commercial use. Other checkpoints have their own terms. SQuAD is CC BY-SA 4.0.",
    ];
    for line in lines {
        ui.add(egui::Label::new(RichText::new(line).color(muted)).wrap());
        ui.add_space(4.0);
    }
}
