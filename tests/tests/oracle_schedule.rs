//! Data order and learning rates against the reference's own.

// A helper that cannot set a test up fails it.
#![allow(clippy::unwrap_used)]

use serde_json::Value;
use spanbert_core::{
    batch::{Order, PythonRandom, TrainMode},
    train::{Recipe, Schedule, warmup_linear},
};
use spanbert_tests::oracle::{json, shared};

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
}

#[test]
fn random_bits_and_shuffles_are_python_s() {
    if shared().is_none() {
        return;
    }
    let expected = json("trajectory/python_shuffle.json");
    let mut random = PythonRandom::new(42);
    for bits in numbers(&expected["getrandbits32_after_seed_42"]) {
        assert_eq!(random.next_u32() as usize, bits);
    }
    let cases = expected["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let (seed, n) = (case["seed"].as_u64().unwrap(), case["n"].as_u64().unwrap() as usize);
        let shuffles = case["successive_shuffles_of_the_same_list"].as_array().unwrap();
        let mut random = PythonRandom::new(seed);
        let mut items: Vec<usize> = (0..n).collect();
        let order = Order::new(&vec![7; 3 * n], 3, TrainMode::RandomSorted, seed);
        for (epoch, shuffle) in shuffles.iter().enumerate() {
            random.shuffle(&mut items);
            assert_eq!(items, numbers(shuffle), "seed {seed}, n {n}, shuffle {epoch}");
            assert_eq!(order.epoch(epoch), items, "seed {seed}, n {n}, epoch {epoch}");
        }
    }
}

#[test]
fn the_warm_up_schedule_is_exact() {
    if shared().is_none() {
        return;
    }
    let expected = json("trajectory/warmup_linear.json");
    let rows = expected["rows"].as_array().unwrap();
    assert!(rows.len() > 100);
    for row in rows {
        let value = |index: usize| row[index].as_f64().unwrap();
        let (warmup, total, step, factor) = (value(0), value(1), value(2), value(3));
        assert_eq!(warmup_linear(step / total, warmup), factor, "{row}");
    }
}

/// The trajectories' data order, number of updates and learning rates, from recipes as a user would write them.
#[test]
fn trajectories_have_the_reference_s_order_and_rates() {
    if shared().is_none() {
        return;
    }
    let recipe = |mode, accumulation: usize, epochs, warmup| Recipe {
        train_batch_size: 4 * accumulation,
        gradient_accumulation_steps: accumulation,
        num_train_epochs: epochs,
        train_mode: mode,
        warmup_proportion: warmup,
        learning_rate: Some(2e-3),
        ..Recipe::default()
    };
    let cases = [
        ("plain", recipe(TrainMode::Sorted, 1, 3.0, 0.1)),
        ("accum2", recipe(TrainMode::RandomSorted, 2, 4.0, 0.1)),
    ];
    for (name, recipe) in cases {
        let expected = json(&format!("trajectory/{name}.json"));
        let orders = expected["orders"].as_array().unwrap();
        let batches = numbers(&orders[0]).len();
        let order = Order::new(&vec![24; 4 * batches], recipe.batch_rows(), recipe.train_mode, recipe.seed);
        for (epoch, batches) in orders.iter().enumerate() {
            assert_eq!(order.epoch(epoch), numbers(batches), "{name}, epoch {epoch}");
        }
        let schedule = Schedule::new(&recipe, order.batch_count());
        assert_eq!(schedule.schedule_steps, expected["t_total"].as_f64().unwrap(), "{name}");
        let steps = expected["optimizer_steps"].as_array().unwrap();
        assert_eq!(schedule.steps(), steps.len(), "{name}");
        let rate = expected["lr"].as_f64().unwrap();
        for (step, expected) in steps.iter().enumerate() {
            assert_eq!(
                schedule.learning_rate(rate, step),
                expected["lr"].as_f64().unwrap(),
                "{name}, step {step}"
            );
        }
        // Which batches are followed by an update.
        let microsteps = expected["microsteps"].as_array().unwrap();
        let updates = microsteps.iter().filter(|microstep| {
            schedule.updates_after(microstep["step_in_epoch"].as_u64().unwrap() as usize)
        });
        assert_eq!(updates.count(), steps.len(), "{name}");
    }
}

/// Past the end of the schedule the rate stays 0.
#[test]
fn beyond_the_schedule_the_rate_is_the_reference_s() {
    if shared().is_none() {
        return;
    }
    let expected = json("trajectory/beyond.json");
    let (rate, total) = (expected["lr"].as_f64().unwrap(), expected["t_total"].as_f64().unwrap());
    let schedule = Schedule {
        schedule_steps: total,
        warmup: expected["warmup"].as_f64().unwrap(),
        ..Schedule::new(&Recipe::default(), 5)
    };
    for (step, expected) in expected["optimizer_steps"].as_array().unwrap().iter().enumerate() {
        assert_eq!(schedule.learning_rate(rate, step), expected["lr"].as_f64().unwrap(), "step {step}");
    }
}
