//! What is on the page, as assistive technology would hear it.

use std::cell::RefCell;

use egui::{
    Context, FullOutput,
    accesskit::{Node, Role, Toggled, TreeUpdate},
    plugin::Plugin,
};
use serde::Serialize;

thread_local! {
    static LATEST: RefCell<Vec<Shown>> = const { RefCell::new(Vec::new()) };
}

/// Something on the page. Sizes are in CSS pixels.
#[derive(Serialize)]
struct Shown {
    role: String,
    label: Option<String>,
    value: Option<String>,
    disabled: bool,
    toggled: Option<bool>,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// Looks at what every frame tells assistive technology.
struct Gathering;

impl Plugin for Gathering {
    fn debug_name(&self) -> &'static str {
        "what is shown"
    }

    fn output_hook(&mut self, context: &Context, output: &mut FullOutput) {
        if let Some(TreeUpdate { nodes, .. }) = output.platform_output.accesskit_update.take() {
            let scale = f64::from(context.zoom_factor());
            LATEST.set(nodes.iter().filter_map(|(_, node)| Shown::new(node, scale)).collect());
        }
    }
}

impl Shown {
    fn new(node: &Node, scale: f64) -> Option<Self> {
        let bounds = node.bounds()?;
        let (label, value) = (node.label().map(str::to_owned), node.value().map(str::to_owned));
        let value = value.or_else(|| node.numeric_value().map(|number| number.to_string()));
        if label.is_none() && value.is_none() || node.role() == Role::TextRun {
            return None;
        }
        Some(Self {
            role: format!("{:?}", node.role()),
            label,
            value,
            disabled: node.is_disabled(),
            toggled: node.toggled().map(|toggled| toggled == Toggled::True),
            x: bounds.x0 * scale,
            y: bounds.y0 * scale,
            width: bounds.width() * scale,
            height: bounds.height() * scale,
        })
    }
}

/// Begins to gather, unless that has begun.
pub(super) fn gather(context: &Context) {
    context.enable_accesskit();
    context.add_plugin(Gathering);
}

/// What the last frame had, as JSON.
pub(super) fn latest() -> String {
    LATEST.with_borrow(|shown| serde_json::to_string(shown).unwrap_or_default())
}
