//! The files of a run folder.

use std::path::Path;

use spanbert_core::{
    config::BertConfig,
    run::{Environment, Event, EventRecord, Holder, Request, RunState},
    score::best_f1_thresh_from_eval_results,
    train::{Activity, Fit, Progress, Recipe},
};

use super::check_message;

pub(super) fn read(bytes: &[u8]) {
    for record in bytes.split(|&byte| byte == b'\n').filter_map(EventRecord::from_line) {
        // What commands and app compute with.
        match &record.event {
            Event::Step(event) => assert!(event.step.checked_add(event.total_steps).is_some()),
            Event::Evaluation { epoch, .. } => assert!(epoch.checked_add(1).is_some()),
            _ => {}
        }
        let line = serde_json::to_vec(&record).unwrap();
        assert_eq!(EventRecord::from_line(&line).is_some(), record.event != Event::Unknown || line.len() > 2);
    }
    match RunState::from_json(bytes, Path::new("state.json")) {
        Ok(state) => {
            let again = serde_json::to_vec(&state).unwrap();
            assert_eq!(RunState::from_json(&again, Path::new("again")).unwrap(), state);
        }
        Err(error) => check_message(&error),
    }
    if let Err(error) = Environment::from_json(bytes, Path::new("environment.json")) {
        check_message(&error);
    }
    if let Some(fit) = Fit::from_json(bytes) {
        let smaller = [Activity::Training, Activity::Evaluating].map(|activity| fit.smaller(activity));
        assert!(smaller.into_iter().flatten().all(|fit| fit.micro_batch > 0 && fit.eval_batch > 0));
    }
    let _ = (Progress::from_json(bytes), Holder::from_json(bytes), Request::from_text(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = best_f1_thresh_from_eval_results(text);
    match Recipe::from_toml(text, "recipe.toml") {
        Ok(recipe) => use_recipe(&recipe),
        Err(error) => check_message(&error),
    }
}

fn use_recipe(recipe: &Recipe) {
    let validity = recipe.validate(&BertConfig::default());
    let (rows, multiple) = (recipe.batch_rows(), recipe.length_multiple.unwrap_or(8));
    match validity {
        Err(error) => check_message(&error),
        Ok(()) => {
            assert!(rows > 0 && recipe.whole_epochs() > 0 && !recipe.learning_rates().is_empty());
            assert!(recipe.padded_length(7, multiple) <= recipe.max_seq_length);
            recipe.window_options().check().unwrap();
            assert_eq!(Recipe::from_toml(&recipe.to_toml(), "again").unwrap(), *recipe);
        }
    }
}
