//! Templates: `{n}` stands for slot `n`, `[a|b|]` for one of the alternatives.

use std::collections::BTreeSet;

use crate::random::SplitMix;

/// The template with one alternative of each bracket; slots stay.
#[must_use]
pub fn choose_form(template: &str, random: &mut SplitMix) -> String {
    let mut form = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('[') {
        form.push_str(before);
        let (inside, after) = after.split_once(']').unwrap_or((after, ""));
        let alternatives: Vec<&str> = inside.split('|').collect();
        form.push_str(random.choose::<&str>(&alternatives));
        rest = after;
    }
    form.push_str(rest);
    form
}

/// The slots that occur in a form.
#[must_use]
pub fn mentioned(form: &str) -> BTreeSet<usize> {
    form.split('{').skip(1).filter_map(|rest| rest.split('}').next()?.parse().ok()).collect()
}

/// Appends the form with its slots filled; returns where each slot's value starts, in bytes of `out`.
pub fn fill(form: &str, values: &[String], out: &mut String) -> Vec<usize> {
    let mut starts = vec![0; values.len()];
    let mut rest = form;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (digits, after) = after.split_once('}').unwrap_or((after, ""));
        if let Some(slot) = digits.parse().ok().filter(|&slot: &usize| slot < values.len()) {
            starts[slot] = out.len();
            out.push_str(&values[slot]);
        }
        rest = after;
    }
    out.push_str(rest);
    starts
}

/// The text with a capital in front.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Number of forms a template has.
    fn form_count(template: &str) -> usize {
        template
            .split('[')
            .skip(1)
            .map(|rest| rest.split(']').next().unwrap_or("").split('|').count())
            .product()
    }

    #[test]
    fn alternatives_are_all_taken_and_slots_filled() {
        let template = "{0} [keeps|owns] {1} {2}[| there].";
        let mut random = SplitMix::new(1);
        let forms: BTreeSet<String> = (0..100).map(|_| choose_form(template, &mut random)).collect();
        assert_eq!(forms.len(), form_count(template));
        assert!(forms.contains("{0} owns {1} {2} there."));
        let mut text = "Yes. ".to_owned();
        let values = ["Alba".to_owned(), "4".to_owned(), "hens".to_owned()];
        assert_eq!(fill("{0} owns {1} {2}.", &values, &mut text), [5, 15, 17]);
        assert_eq!(text, "Yes. Alba owns 4 hens.");
        assert_eq!(mentioned("Who owns {2} and {1}?"), BTreeSet::from([1, 2]));
    }
}
