//! The window's icon: lines of text with a span marked in the middle one.

use egui::IconData;

const SIZE: usize = 64;
const GROUND: [u8; 4] = [0x1a, 0x57, 0xb0, 0xff];
const LINE: [u8; 4] = [0x9f, 0xc1, 0xf2, 0xff];
const SPAN: [u8; 4] = [0xff, 0xd4, 0x79, 0xff];

/// Bars of the drawing: left, top, right, bottom in pixels, and colour.
const BARS: [([usize; 4], [u8; 4]); 5] = [
    ([14, 16, 50, 22], LINE),
    ([14, 29, 20, 35], LINE),
    ([23, 26, 42, 38], SPAN),
    ([45, 29, 50, 35], LINE),
    ([14, 42, 38, 48], LINE),
];

/// Draws the icon.
#[must_use]
pub fn icon() -> IconData {
    let pixel = |x: usize, y: usize| {
        let bar = BARS.iter().find(|([left, top, right, bottom], _)| {
            (*left..*right).contains(&x) && (*top..*bottom).contains(&y)
        });
        bar.map_or(with_corners(x, y), |(_, color)| *color)
    };
    let rgba = (0..SIZE * SIZE).flat_map(|index| pixel(index % SIZE, index / SIZE)).collect();
    IconData { rgba, width: SIZE as u32, height: SIZE as u32 }
}

/// The ground, its corners rounded and smoothed by how far a pixel's centre is outside.
fn with_corners(x: usize, y: usize) -> [u8; 4] {
    const RADIUS: f32 = 14.0;
    let beyond = |position: usize| {
        let centre = position as f32 + 0.5;
        (RADIUS - centre).max(centre - (SIZE as f32 - RADIUS)).max(0.0)
    };
    let coverage = (RADIUS - beyond(x).hypot(beyond(y)) + 0.5).clamp(0.0, 1.0);
    [GROUND[0], GROUND[1], GROUND[2], (coverage * 255.0) as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_a_rounded_square_with_a_marked_span() {
        let icon = icon();
        assert_eq!(icon.rgba.len(), SIZE * SIZE * 4);
        let at = |x: usize, y: usize| &icon.rgba[(y * SIZE + x) * 4..][..4];
        assert_eq!(at(0, 0)[3], 0);
        assert_eq!(at(2, 32), GROUND);
        assert_eq!(at(32, 32), SPAN);
    }
}
